//! Invalid requests, and the responses to them.

use super::field::InvalidFields;
use super::{HeadError, Response};

/// An invalid request; [`response`](Self::response) returns the response to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The first bytes are not those of an HTTP request: 400.
    #[error("the client does not speak HTTP")]
    NotHttp,
    /// The head is not valid HTTP: 400, or 414 or 431 if a limit was exceeded.
    #[error("malformed request: {0}")]
    Head(#[source] HeadError),
    /// The head is not valid HTTP, although each of its bytes is allowed: 400.
    #[error("malformed request")]
    Malformed,
    /// This header field, which the handshake reads, contains a non-ASCII byte: 400.
    #[error("non-ASCII byte in the {0} header")]
    NonAscii(&'static str),
    /// The major version is not HTTP/1: 505.
    #[error("HTTP version not supported")]
    HttpVersion,
    /// The request target is neither a path nor an absolute `http` or `https` URL, nor the `*` of
    /// OPTIONS; or `:scheme` or `:path` is missing or invalid: 400.
    #[error("invalid request target")]
    Target,
    /// `Host` is missing (which HTTP/1.0 allows), repeated or malformed; or `:authority` is, or
    /// differs from `Host`: 400.
    #[error("missing or invalid host")]
    Host,
    /// The request has a body, which could be mistaken for frames: 400.
    #[error("request with a body")]
    Body,
    /// The method is not allowed: an upgrade must use GET, an unanswered ordinary request GET, HEAD
    /// or OPTIONS, and CONNECT, which asks for a tunnel, is never allowed: 405.
    #[error("method not allowed")]
    Method,
    /// `Upgrade` does not contain `websocket`, or the version is HTTP/1.0: an ordinary request,
    /// refused with 426.
    #[error("not a WebSocket handshake")]
    NoUpgrade,
    /// An ordinary request of HTTP/2 or HTTP/3, which have no `Upgrade` to ask for: 400.
    #[error("a WebSocket over HTTP/2 begins with an extended CONNECT")]
    NotConnect,
    /// `:protocol` of an extended CONNECT is not `websocket`: 501.
    #[error("protocol not supported")]
    Protocol,
    /// HTTP/2 and HTTP/3 do not have this header field (RFC 9113 section 8.2.2): 400.
    #[error("the header {0} does not exist in HTTP/2")]
    ConnectionSpecific(&'static str),
    /// `Connection` does not contain `Upgrade`: 400.
    #[error("no Upgrade token in the Connection header")]
    Connection,
    /// `Sec-WebSocket-Version` is missing, repeated or not a number; or not 13 in HTTP/2 or HTTP/3,
    /// where 426 does not exist: 400, with the supported version 13.
    #[error("missing or invalid Sec-WebSocket-Version header")]
    InvalidVersion,
    /// `Sec-WebSocket-Version` is not 13: 426, with the supported version 13 (section 4.4).
    #[error("WebSocket version not supported")]
    UnsupportedVersion,
    /// `Sec-WebSocket-Key` is missing, repeated or not 16 bytes in base64: 400.
    #[error("missing or invalid Sec-WebSocket-Key header")]
    Key,
    /// `Sec-WebSocket-Protocol` is not a list of tokens: 400.
    #[error("invalid Sec-WebSocket-Protocol header")]
    Subprotocol,
    /// `Sec-WebSocket-Extensions` is malformed: 400 (section 9.1).
    #[error("invalid Sec-WebSocket-Extensions header")]
    Extensions,
}

impl From<HeadError> for RequestError {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::NotHttp => Self::NotHttp,
            error => Self::Head(error),
        }
    }
}

impl From<InvalidFields> for RequestError {
    fn from(error: InvalidFields) -> Self {
        match error {
            InvalidFields::Malformed => Self::Malformed,
            InvalidFields::NonAscii(name) => Self::NonAscii(name),
        }
    }
}

impl RequestError {
    /// Returns the status of the response.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Head(HeadError::FirstLineTooLong) => 414,
            Self::Head(HeadError::TooLong | HeadError::TooManyFields) => 431,
            Self::HttpVersion => 505,
            Self::Protocol => 501,
            Self::Method => 405,
            Self::NoUpgrade | Self::UnsupportedVersion => 426,
            _ => 400,
        }
    }

    /// Returns the response: a status, the headers that go with it, and a line with the reason.
    #[must_use]
    pub fn response(self) -> Response {
        let headers: &[(&str, &str)] = match self {
            Self::Method => &[("Allow", "GET, HEAD, OPTIONS")],
            // RFC 9110 section 15.5.22: 426 names the protocol; RFC 6455 section 4.2.2: and the
            // version.
            Self::NoUpgrade | Self::UnsupportedVersion => {
                &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
            }
            Self::InvalidVersion => &[("Sec-WebSocket-Version", "13")],
            _ => &[],
        };
        let mut response = Response::text(self.status(), &alloc::format!("{self}\n"));
        for (name, value) in headers {
            response.push_header(name, value);
        }
        response
    }
}

/// Returns the response to the error.
impl From<RequestError> for Response {
    fn from(error: RequestError) -> Self {
        error.response()
    }
}
