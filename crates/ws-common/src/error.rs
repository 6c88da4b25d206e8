//! What can go wrong.

use std::io;

use wsproto::handshake::{AcceptError, OfferError, Response};
use wsproto::url::UrlError;
use wsproto::{CloseCode, CloseError, SendError, SessionError};

use crate::{Message, ProxyError};

/// Why a connection could not be opened, or what went wrong on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not one that a WebSocket can connect to. No socket was opened.
    #[error("invalid URL: {0}")]
    Url(#[from] UrlError),
    /// The URL asks for TLS, and the crate was built without its feature `tls`.
    #[error("wss:// needs the feature `tls`, or a TLS stream for `WebSocket::client`")]
    TlsUnavailable,
    /// No connection could be made to the host, or to the proxy: its name is not known, none of its
    /// addresses answers, the proxy resets the connection instead of answering, or all of it takes longer
    /// than [`connect_timeout`](crate::ClientOptions::connect_timeout). If every address has failed, this
    /// is what the last one said.
    #[error("cannot connect to {to}: {error}")]
    Connect {
        /// The host and port: the proxy's, if there is one.
        to: String,
        /// Why not; of kind [`TimedOut`](io::ErrorKind::TimedOut) if there was no time left.
        #[source]
        error: io::Error,
    },
    /// TLS failed: the certificate is not one to trust, or the other end does not speak TLS. If that
    /// is found out in connecting, no byte of the opening handshake has left.
    #[error("TLS: {0}")]
    Tls(#[source] io::Error),
    /// The proxy did not let us through.
    #[error("proxy: {0}")]
    Proxy(#[from] ProxyError),
    /// The request cannot be made. No socket was opened.
    #[error("invalid request: {0}")]
    Offer(#[from] OfferError),
    /// The request cannot be accepted this way. Nothing was written.
    #[error("cannot accept: {0}")]
    Accept(#[from] AcceptError),
    /// The server refused the upgrade with this response.
    #[error("the server answered with status {}", .0.status())]
    Http(Box<Response>),
    /// The server redirects to another origin, and a client certificate is configured, which is not shown
    /// there. To go there nevertheless, connect to that URL, with or without the certificate.
    #[error(
        "redirected to {to}, where the client certificate is not shown: connect there yourself"
    )]
    ClientCertificate {
        /// The other origin: scheme, host, and the port unless it is the default one.
        to: String,
        /// The response that redirects.
        response: Box<Response>,
    },
    /// The opening handshake failed, the peer broke a rule, or did not answer in time. The connection
    /// is closed, and the peer was told if that was possible.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The message cannot be sent. Nothing was written.
    #[error("cannot send: {0}")]
    Send(#[from] SendError),
    /// The peer does not read, and too much waits for it already. Nothing was taken: here is the
    /// message, if it was given away.
    #[error("cannot send yet: the peer does not read")]
    WouldExceed(Option<Message>),
    /// The connection cannot be closed this way. Nothing was written.
    #[error("cannot close: {0}")]
    Close(#[from] CloseError),
    /// A client's application may not set this close code: nothing was written, and the connection is as it
    /// was.
    #[error(
        "a client's application may close with 1000 or 3000 to 4999, not {0}; `close_with` sends it for endpoints that relay"
    )]
    ClientCode(CloseCode),
    /// The message is not JSON, or not of the value that was asked for; or the value cannot be written
    /// as JSON. The connection is not affected.
    #[cfg(feature = "json")]
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The transport failed. [`WouldBlock`](io::ErrorKind::WouldBlock) and
    /// [`TimedOut`](io::ErrorKind::TimedOut) come from timeouts or non-blocking modes that the
    /// stream's owner has set; nothing is lost, and the call can be repeated.
    #[error("i/o error: {0}")]
    Io(#[source] io::Error),
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
