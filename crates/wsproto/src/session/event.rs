//! What a session reports.

use crate::handshake::{RequestError, ResponseError};
use crate::{CloseInfo, Error, Event, Piece, Violation};

/// Something that happened in the life of a session. `E` is what is received: an
/// [`Event`](crate::Event) or a [`Piece`](crate::Piece).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent<E> {
    /// A server received an opening handshake. Look at [`Session::request`](crate::Session::request)
    /// and call [`accept`](crate::Session::accept) or [`respond`](crate::Session::respond) before
    /// the next call of `next_event`, which otherwise refuses it with 403.
    Upgrade,
    /// A server received an ordinary request, by any method, of any HTTP/1.
    /// [`respond`](crate::Session::respond) to it before the next call of `next_event`, which otherwise
    /// refuses it: GET, HEAD and OPTIONS with 426, other methods with 405.
    Http,
    /// The opening handshake is finished.
    Open,
    /// The peer sent something.
    Received(E),
    /// Something went wrong, and nothing more is received.
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
    /// Copies what is borrowed, so that the event can outlive the input.
    #[must_use]
    pub fn into_owned(self) -> SessionEvent<Event<'static>> {
        self.map(Event::into_owned)
    }
}

impl SessionEvent<Piece<'_>> {
    /// Copies what is borrowed, so that the event can outlive the input.
    #[must_use]
    pub fn into_owned(self) -> SessionEvent<Piece<'static>> {
        self.map(Piece::into_owned)
    }
}

/// What ended a session before its time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The peer broke a rule after the opening handshake.
    #[error(transparent)]
    Protocol(#[from] Violation),
    /// The request was refused.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The response was not the one to the request.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The transport ended in the opening handshake.
    #[error("the connection ended in the opening handshake")]
    EndOfInput,
    /// We closed in the opening handshake.
    #[error("closed in the opening handshake")]
    Abandoned,
    /// The opening handshake took longer than
    /// [`Config::handshake_timeout`](crate::Config::handshake_timeout).
    #[error("the opening handshake took too long")]
    HandshakeTimeout,
    /// No Pong came within [`KeepAlive::patience`](crate::KeepAlive::patience).
    #[error("the peer does not answer")]
    KeepAliveTimeout,
    /// The peer took nothing of what it is owed for
    /// [`Config::write_timeout`](crate::Config::write_timeout).
    #[error("the peer does not read")]
    WriteTimeout,
    /// No Close came within [`Config::close_timeout`](crate::Config::close_timeout).
    #[error("the peer does not close")]
    CloseTimeout,
}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        Self::Protocol(error.into())
    }
}

impl SessionError {
    /// Whether the server answered, and did not want to open a connection.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Response(ResponseError::Status(_)))
    }
}
