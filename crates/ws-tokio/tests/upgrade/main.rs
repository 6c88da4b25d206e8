//! Connections of web servers on hyper and axum, over HTTP/1.1 and HTTP/2, and clients over HTTP/2.

mod axum;
mod bodies;
mod connections;
mod endings;
mod hand_over;
#[path = "../support/mod.rs"]
mod harness;
mod hostile_h2;
mod raw_h2;
mod refusals;
mod resets;
mod settings;
#[cfg(feature = "tls")]
mod sockets;
mod support;
mod topics;
