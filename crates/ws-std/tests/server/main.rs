//! The server and its connections as objects: when handlers are called, what handles can do, and how a
//! server ends. `S1-..` and `S4-..` are the items of the object model, `X..` its decisions.

mod connections;
mod decisions;
mod ends;
mod handlers;
#[path = "../support/net.rs"]
mod net;
mod support;
