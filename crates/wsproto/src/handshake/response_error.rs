//! What a server can do wrong in answering a handshake.

use alloc::boxed::Box;
use alloc::string::String;

use super::headers::InvalidFields;
use super::unoffered::Offers;
use super::{HeadError, Unoffered};

/// What is wrong with the answer to a handshake.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The first bytes are not those of an HTTP response.
    #[error("the peer does not speak HTTP")]
    NotHttp,
    /// The head is not HTTP, or longer than the limits allow.
    #[error("malformed response: {0}")]
    Head(#[source] HeadError),
    /// The head is not HTTP, although every byte of it is allowed.
    #[error("malformed response")]
    Malformed,
    /// This header field has a byte outside ASCII, and is one that the handshake reads.
    #[error("byte outside ASCII in the {0} header")]
    NonAscii(&'static str),
    /// Another major version than HTTP/1, or a 101 of HTTP/1.0.
    #[error("HTTP version not supported")]
    HttpVersion,
    /// Any status but 101; [`Session::take_response`](crate::Session::take_response) has the rest.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// Any status but 101, and a length of the body that is no number, or several different ones (RFC 9112
    /// section 6.3).
    #[error("the server answered with status {0}, and an invalid Content-Length header")]
    ContentLength(u16),
    /// Any status but 101, and a body whose chunks cannot be told apart, or say more about themselves than
    /// [`Config::max_head_size`](crate::Config::max_head_size) allows (RFC 9112 section 7.1).
    #[error("the server answered with status {0}, and a body with an invalid chunk")]
    Chunk(u16),
    /// `Upgrade` is missing or another than `websocket`.
    #[error("missing or invalid Upgrade header")]
    Upgrade,
    /// `Connection` does not contain `Upgrade`.
    #[error("missing token Upgrade in the Connection header")]
    Connection,
    /// `Sec-WebSocket-Accept` is missing, repeated or does not match the key.
    #[error("missing or wrong Sec-WebSocket-Accept header")]
    Accept,
    /// `Sec-WebSocket-Extensions` has this value, which is malformed.
    #[error("malformed Sec-WebSocket-Extensions header {0:?}")]
    MalformedExtension(Box<str>),
    /// An extension that was not offered, or none although the header is there.
    #[error(transparent)]
    Extension(Box<Unoffered>),
    /// A subprotocol that was not offered, several, or none although the header is there.
    #[error(transparent)]
    Subprotocol(Box<Unoffered>),
    /// Subprotocols were offered and none was selected; see
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
