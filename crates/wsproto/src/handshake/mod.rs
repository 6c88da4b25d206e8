//! The opening handshake (RFC 6455 section 4): each part a pure function of its input.
//!
//! [`Session`](crate::Session) combines these. Use them alone where other code handles HTTP: in a
//! web server that hands over upgraded connections ([`Request::from_parts`], [`Accept::answer`]), or
//! for WebSocket over HTTP/2 (RFC 8441), where no key is exchanged
//! ([`Request::from_pseudo_headers`], [`ClientRequest::extended_connect`]). The connection then begins
//! with [`Session::opened`](crate::Session::opened).

mod accept_key;
mod answer;
mod body;
mod client;
mod credentials;
mod date;
#[cfg(feature = "deflate")]
mod deflate;
mod extension;
mod field;
mod fields;
mod head;
mod headers;
mod list;
mod origin;
mod proxy;
mod redirect;
mod request;
mod request_error;
mod response;
mod response_error;
mod server;
mod text;
mod unoffered;

pub use accept_key::accept_key;
pub use client::{Agreed, ClientRequest, ExtendedConnect, OfferError};
pub use date::http_date;
#[cfg(feature = "deflate")]
pub use deflate::{DeflateAgreed, DeflateOffer, DeflateParamError, Direction};
pub use extension::{Extension, InvalidExtension};
pub use head::{HeadError, HeadFinder};
pub use headers::{Headers, InvalidHeader};
pub use origin::{AllowedOrigins, InvalidOrigin};
pub use proxy::{Tunnel, TunnelError};
pub use redirect::RedirectError;
pub use request::{PseudoHeaders, Request};
pub use request_error::RequestError;
pub use response::Response;
pub use response_error::ResponseError;
pub use server::{Accept, AcceptError};
pub use unoffered::Unoffered;

pub(crate) use accept_key::Key;
pub(crate) use answer::Answer;
pub(crate) use body::Body;
pub(crate) use fields::Fields;
