//! The events of a session.

use crate::handshake::{RequestError, ResponseError};
use crate::{CloseInfo, Error, Event, Piece, Violation};

/// Something that happened in a session. `E` is the type of received data: an
/// [`Event`](crate::Event) or a [`Piece`](crate::Piece).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent<E> {
    /// A server received an opening handshake. Inspect
    /// [`Session::request`](crate::Session::request), and call [`accept`](crate::Session::accept),
    /// [`respond`](crate::Session::respond) or [`postpone`](crate::Session::postpone) before the
    /// next call of `next_event`, which otherwise refuses it with 403.
    Upgrade,
    /// A server received an ordinary request, with any method and any HTTP/1 version. Call
    /// [`respond`](crate::Session::respond) or [`postpone`](crate::Session::postpone) before the next
    /// call of `next_event`, which otherwise refuses it: GET, HEAD and OPTIONS with 426, other
    /// methods with 405.
    Http,
    /// The opening handshake is finished.
    Open,
    /// The peer sent something.
    Received(E),
    /// The session failed, and nothing more is received.
    Error(SessionError),
    /// The session is over.
    Closed(CloseInfo),
}

impl<E> SessionEvent<E> {
    fn map<F>(self, received: impl FnOnce(E) -> F) -> SessionEvent<F> {
        match self {
            Self::Upgrade => SessionEvent::Upgrade,
            Self::Http => SessionEvent::Http,
            Self::Open => SessionEvent::Open,
            Self::Received(event) => SessionEvent::Received(received(event)),
            Self::Error(error) => SessionEvent::Error(error),
            Self::Closed(info) => SessionEvent::Closed(info),
        }
    }
}

impl SessionEvent<Event<'_>> {
    /// Copies borrowed data, so that the event can outlive the input.
    #[must_use]
    pub fn into_owned(self) -> SessionEvent<Event<'static>> {
        self.map(Event::into_owned)
    }
}

impl SessionEvent<Piece<'_>> {
    /// Copies borrowed data, so that the event can outlive the input.
    #[must_use]
    pub fn into_owned(self) -> SessionEvent<Piece<'static>> {
        self.map(Piece::into_owned)
    }
}

/// The failure that ended a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The peer broke a rule after the opening handshake.
    #[error(transparent)]
    Protocol(#[from] Violation),
    /// The request was refused.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The response is not a valid answer to the request.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The transport ended during the opening handshake.
    #[error("the connection ended during the opening handshake")]
    EndOfInput,
    /// The application closed the session, or gave up connecting, before it was open.
    #[error("given up before the connection was open")]
    Abandoned,
    /// The opening handshake took longer than
    /// [`Config::handshake_timeout`](crate::Config::handshake_timeout).
    #[error("the opening handshake timed out")]
    HandshakeTimeout,
    /// No Pong arrived within [`KeepAlive::patience`](crate::KeepAlive::patience).
    #[error("no pong from the peer within the keep-alive patience")]
    KeepAliveTimeout,
    /// The peer read none of the unwritten replies for
    /// [`Config::write_timeout`](crate::Config::write_timeout), or nothing in front of our Close for
    /// [`Config::close_timeout`](crate::Config::close_timeout).
    #[error("the peer did not read within the timeout")]
    WriteTimeout,
    /// No Close arrived within [`Config::close_timeout`](crate::Config::close_timeout).
    #[error("no close from the peer within the close timeout")]
    CloseTimeout,
}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        Self::Protocol(error.into())
    }
}

impl SessionError {
    /// Returns whether the server responded, and refused to open a connection.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Response(ResponseError::Status(_)))
    }
}
