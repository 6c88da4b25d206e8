//! The server's opening handshake: the request it reads, and its response (RFC 6455 sections 4.2 to
//! 4.4).

mod accepted;
mod bytes;
mod decisions;
mod ends;
#[path = "../handshake_support/mod.rs"]
mod handshake_support;
mod limits;
mod negotiation;
mod ordinary;
mod properties;
mod refused;
mod responses;
mod support;
