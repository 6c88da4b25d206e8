//! The client's opening handshake: the request it writes, and the response it reads (RFC 6455
//! section 4.1).

mod bytes;
mod ends;
mod failed;
#[path = "../handshake_support/mod.rs"]
mod handshake_support;
mod limits;
mod opened;
mod properties;
mod refusals;
mod request;
mod support;
