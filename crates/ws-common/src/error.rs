//! The error type of all adapters.

use std::{fmt, io};

use wsproto::handshake::{AcceptError, OfferError, Response, ResponseError};
use wsproto::url::UrlError;
use wsproto::{CloseCode, CloseError, SendError, SessionError};

use crate::{Message, ProxyError, ProxyHeaderError};

/// A failure to open a connection, or an error on an open one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not a valid WebSocket URL. No socket was opened.
    #[error("invalid URL: {0}")]
    Url(#[from] UrlError),
    /// An option of [`ClientOptions`](crate::ClientOptions) is invalid, or does not fit the URL or another
    /// option. No socket was opened.
    #[error("the option `{option}`: {reason}")]
    Option {
        /// The name of the option.
        option: &'static str,
        /// The value, and why it is refused.
        reason: String,
    },
    /// The URL requires TLS, but the crate was built without its feature `tls`. No socket was opened.
    #[error("wss:// needs the feature `tls`, or a TLS stream for `WebSocket::client`")]
    TlsUnavailable,
    /// No connection to the host, or to the proxy, could be made: the name is unknown, no address answers,
    /// the proxy resets the connection instead of answering, or
    /// [`connect_timeout`](crate::ClientOptions::connect_timeout) expired. If every address failed, the
    /// error is that of the last attempt to fail.
    #[error("cannot connect to {to}: {error}")]
    Connect {
        /// Host and port, of the proxy if one is configured.
        to: String,
        /// The cause; [`TimedOut`](io::ErrorKind::TimedOut) if the timeout expired.
        #[source]
        error: io::Error,
    },
    /// TLS failed: for example, the certificate is not trusted, or the peer does not speak TLS. If the TLS
    /// handshake failed, no byte of the opening handshake was sent.
    #[error("TLS: {0}")]
    Tls(#[source] io::Error),
    /// A connection from a [trusted proxy](crate::TrustedProxies::proxy_protocol) does not begin with a valid
    /// header of the PROXY protocol. Nothing was answered.
    #[error(transparent)]
    ProxyHeader(#[from] ProxyHeaderError),
    /// The proxy did not open a tunnel.
    #[error("proxy: {0}")]
    Proxy(#[from] ProxyError),
    /// The server of a connection of HTTP/2 has not allowed WebSockets on it (RFC 8441 section 3): one on hyper needs
    /// `enable_connect_protocol`, one on axum its feature `http2`.
    #[error("the server does not allow WebSockets over HTTP/2 (extended CONNECT, RFC 8441)")]
    NoExtendedConnect,
    /// The client's request is invalid. No socket was opened.
    #[error("invalid request: {0}")]
    Offer(#[from] OfferError),
    /// The request cannot be accepted in this way, for example with a subprotocol that was not offered. The
    /// 101 response was not sent.
    #[error("cannot accept: {0}")]
    Accept(#[from] AcceptError),
    /// The options of this server refuse the client. The reason names the option. The client has got the response,
    /// unless the server is full and speaks TLS: then the client is disconnected without one.
    #[error("the client is refused: {0}")]
    Refused(&'static str),
    /// The server refused the upgrade with this response.
    #[error("the server answered with status {}", .0.status())]
    Http(Box<Response>),
    /// The server redirects to a `wss://` URL of another origin, and a client certificate is configured.
    /// The redirect is not followed, because the other origin would see the certificate. To follow it,
    /// connect to the URL in the response's `Location`, with or without the certificate.
    #[error(
        "redirected to {to}, which may not see the client certificate: connect to it explicitly"
    )]
    ClientCertificate {
        /// The other origin: scheme, host, and port unless it is the default.
        to: String,
        /// The redirect response.
        response: Box<Response>,
    },
    /// The answer to a client's opening handshake breaks a rule. The connection is closed.
    #[error("{error}")]
    InvalidAnswer {
        /// The first rule that it breaks.
        error: ResponseError,
        /// The answer.
        answer: InvalidAnswer,
    },
    /// The opening handshake failed otherwise, the peer violated the protocol, or a timeout expired. The connection
    /// is closed, with a Close frame or an HTTP response to the peer where the protocol allows one.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The message cannot be sent, or a server cannot close with 1010. Nothing was sent.
    #[error("cannot send: {0}")]
    Send(#[from] SendError),
    /// The peer does not read, and the [high-water mark](wsproto::Config::high_water_mark) is reached.
    /// Nothing was sent. Contains the message, if it was passed by value.
    #[error("cannot send yet: the peer does not read")]
    WouldExceed(Option<Message>),
    /// The Close frame is invalid. Nothing was sent.
    #[error("cannot close: {0}")]
    Close(#[from] CloseError),
    /// A client's application may not set this close code. Nothing was sent, and the state of the connection
    /// did not change.
    #[error(
        "a client's application may close with 1000 or 3000 to 4999, not {0}; relays use `close_with`"
    )]
    ClientCode(CloseCode),
    /// The message is not JSON or not of the expected type, or a value cannot be serialized. The connection
    /// is not affected.
    #[cfg(feature = "json")]
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The transport failed. [`WouldBlock`](io::ErrorKind::WouldBlock) and
    /// [`TimedOut`](io::ErrorKind::TimedOut) result from the timeout of a call of `ws-std`, or from a timeout
    /// or non-blocking mode that the owner of the stream has set; nothing is lost, and the call can be repeated.
    #[error("i/o error: {0}")]
    Io(#[source] io::Error),
}

/// An answer to an opening handshake that breaks a rule.
#[derive(Clone)]
pub enum InvalidAnswer {
    /// A response, with the part of its body that has arrived.
    Response(Box<Response>),
    /// No response: the first bytes that the server sent, at most 4 KiB of them; none over HTTP/2.
    Bytes(Vec<u8>),
}

impl InvalidAnswer {
    /// Returns the response, if it is one.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match self {
            Self::Response(response) => Some(response),
            Self::Bytes(_) => None,
        }
    }
}

/// Hides the bytes: they may contain a secret.
impl fmt::Debug for InvalidAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(response) => response.fmt(f),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

impl Error {
    /// Returns whether a call of `ws-std` was only given up because its time was over, as with
    /// `recv_timeout` or `set_recv_timeout`, or because the stream would block: nothing is lost, the
    /// connection continues, and the call can be repeated.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Io(error) => crate::adapter::is_timeout(error),
            _ => false,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        #[cfg(feature = "tls")]
        if crate::tls::is_tls(&error) {
            return Self::Tls(error);
        }
        Self::Io(error)
    }
}
