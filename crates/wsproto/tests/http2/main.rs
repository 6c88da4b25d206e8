//! Opening handshakes whose HTTP is other code's: requests and responses from their parts, and the
//! extended CONNECT of HTTP/2 (RFC 8441).

mod answer;
mod client;
#[path = "../handshake_support/mod.rs"]
mod handshake_support;
mod opened;
mod parts;
mod request;
mod support;
