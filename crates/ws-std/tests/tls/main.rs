//! TLS: certificates, names, several threads, and peers of which only one uses TLS. Every test creates its
//! own certificate.
#![cfg(feature = "tls")]

mod bad_peers;
mod certificates;
mod connections;
#[path = "../support/identity.rs"]
mod identity;
#[path = "../support/net.rs"]
mod net;
mod support;
