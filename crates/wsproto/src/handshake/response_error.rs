//! Invalid responses to an opening handshake.

use alloc::boxed::Box;
use alloc::string::String;

use super::field::InvalidFields;
use super::unoffered::Offers;
use super::{HeadError, Unoffered};

/// An invalid or refusing response to an opening handshake.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The first bytes are not those of an HTTP response.
    #[error("the peer does not speak HTTP")]
    NotHttp,
    /// The head is not valid HTTP, or exceeds a limit.
    #[error("malformed response: {0}")]
    Head(#[source] HeadError),
    /// The head is not valid HTTP, although each of its bytes is allowed.
    #[error("malformed response")]
    Malformed,
    /// This header field, which the handshake reads, contains a non-ASCII byte.
    #[error("non-ASCII byte in the {0} header")]
    NonAscii(&'static str),
    /// The major version is not HTTP/1, or the response is a 101 of HTTP/1.0.
    #[error("HTTP version not supported")]
    HttpVersion,
    /// The status is not 101, or in HTTP/2 and HTTP/3 not 200 to 299;
    /// [`Session::take_response`](crate::Session::take_response) returns the response.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// The status is not 101, and the length of the body is not a number, or is given as several
    /// different ones (RFC 9112 section 6.3).
    #[error("the server answered with status {0}, and an invalid Content-Length header")]
    ContentLength(u16),
    /// The status is not 101, and a chunk of the body is malformed, or chunk extensions and
    /// trailers exceed [`Config::max_head_size`](crate::Config::max_head_size) (RFC 9112 section
    /// 7.1).
    #[error("the server answered with status {0}, and a body with an invalid chunk")]
    Chunk(u16),
    /// HTTP/2 and HTTP/3 do not have this header field (RFC 9113 section 8.2.2).
    #[error("the header {0} does not exist in HTTP/2")]
    ConnectionSpecific(&'static str),
    /// `Upgrade` is missing or not `websocket`.
    #[error("missing or invalid Upgrade header")]
    Upgrade,
    /// `Connection` does not contain `Upgrade`.
    #[error("no Upgrade token in the Connection header")]
    Connection,
    /// `Sec-WebSocket-Accept` is missing, repeated or does not match the key.
    #[error("missing or wrong Sec-WebSocket-Accept header")]
    Accept,
    /// `Sec-WebSocket-Extensions` has this malformed value.
    #[error("malformed Sec-WebSocket-Extensions header {0:?}")]
    MalformedExtension(Box<str>),
    /// The server selected an extension that was not offered, or sent the header without one.
    #[error(transparent)]
    Extension(Box<Unoffered>),
    /// The server selected permessage-deflate with parameters that RFC 7692 section 7.1 does not
    /// allow, or that the client did not offer.
    #[cfg(feature = "deflate")]
    #[error(transparent)]
    Deflate(#[from] super::DeflateParamError),
    /// The server selected a subprotocol that was not offered, or several, or sent the header
    /// without one.
    #[error(transparent)]
    Subprotocol(Box<Unoffered>),
    /// The client offered subprotocols and the server selected none; see
    /// [`Config::require_subprotocol`](crate::Config::require_subprotocol).
    #[error("the server selected none of the subprotocols ({})", Offers(.0))]
    NoSubprotocol(Box<[String]>),
}

impl From<HeadError> for ResponseError {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::NotHttp => Self::NotHttp,
            error => Self::Head(error),
        }
    }
}

impl From<InvalidFields> for ResponseError {
    fn from(error: InvalidFields) -> Self {
        match error {
            InvalidFields::Malformed => Self::Malformed,
            InvalidFields::NonAscii(name) => Self::NonAscii(name),
        }
    }
}
