//! The opening handshake (RFC 6455 section 4): each part a pure function of its input.
//!
//! [`Session`](crate::Session) puts these together. Use them alone where HTTP is already somebody
//! else's: in a web server that hands over upgraded connections, or for WebSocket over HTTP/2 (RFC
//! 8441), where subprotocols and extensions are negotiated as here but no key is exchanged.

mod accept_key;
mod client;
mod extension;
mod head;
mod headers;
mod list;
mod origin;
mod proxy;
mod redirect;
mod request;
mod response;
mod server;

pub use accept_key::accept_key;
pub use client::{Agreed, ClientRequest, OfferError, ResponseError};
pub use extension::{Extension, InvalidExtension};
pub use head::{HeadError, HeadFinder};
pub use headers::{Headers, InvalidHeader};
pub use origin::{AllowedOrigins, InvalidOrigin};
pub use proxy::{Tunnel, TunnelError};
pub use request::{Request, RequestError};
pub use response::Response;
pub use server::{Accept, AcceptError};
