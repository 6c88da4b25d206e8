//! The server's end of a connection, as handlers and other threads see it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wsproto::{CloseCode, CloseFrame, PreparedMessage, ReadyState};

use crate::{Error, Message, ServerHandle};

/// Tells connections apart; never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What an adapter does for a [`WebSocketConnection`]; only adapters implement it.
pub trait ConnectionLink: Send + Sync {
    /// How far the connection has got.
    fn ready_state(&self) -> ReadyState;

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] or [`Error::Io`].
    fn send(&self, message: Message) -> Result<(), Error>;

    /// Sends a message that was encoded before.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    fn send_prepared(&self, message: &PreparedMessage) -> Result<(), Error>;

    /// Begins the closing handshake, with any code that may be sent.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    fn close(&self, frame: Option<CloseFrame<'_>>) -> Result<(), Error>;

    /// Ends the connection at once.
    fn abort(&self);
}

/// A handle to the server's end of a connection. Clones are the same connection, may be used from any
/// thread, and do not close it when they are dropped.
///
/// The server makes one when it accepts a connection, and hands it to the connection's handler.
#[derive(Clone)]
pub struct WebSocketConnection {
    id: ConnectionId,
    peer: Option<SocketAddr>,
    subprotocol: Option<Arc<str>>,
    server: ServerHandle,
    link: Arc<dyn ConnectionLink>,
}

impl WebSocketConnection {
    /// Makes the handle of a connection that has just opened; for adapters.
    #[must_use]
    pub fn new(
        server: ServerHandle,
        peer: Option<SocketAddr>,
        subprotocol: Option<&str>,
        link: impl ConnectionLink + 'static,
    ) -> Self {
        let subprotocol = subprotocol.map(Into::into);
        Self { id: ConnectionId::next(), peer, subprotocol, server, link: Arc::new(link) }
    }

    /// Returns what tells it apart.
    #[must_use]
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// Returns the address of the peer, if it has one.
    #[must_use]
    pub const fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Returns the subprotocol in use.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Returns the server that accepted it.
    #[must_use]
    pub const fn server(&self) -> &ServerHandle {
        &self.server
    }

    /// How far the connection has got; never [`ReadyState::Connecting`].
    #[must_use]
    pub fn status(&self) -> ReadyState {
        self.link.ready_state()
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection is closing or closed: nothing was sent. [`Error::Io`] if the
    /// transport failed.
    pub fn send(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.link.send(message.into())
    }

    /// Sends a value as JSON, in a text message.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] if the value cannot be written as JSON, and as [`send`](Self::send).
    #[cfg(feature = "json")]
    pub fn send_json<T: serde::Serialize + ?Sized>(&self, value: &T) -> Result<(), Error> {
        self.send(Message::from_json(value)?)
    }

    /// Sends a message that was encoded before, for many connections.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.link.send_prepared(message)
    }

    /// Closes the connection with a code that an application may set (1000 or 3000-4999) and a reason
    /// of at most 123 bytes. Does nothing if it is closing or closed.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] for another code or a longer reason: nothing was sent.
    pub fn terminate(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let frame = CloseFrame::new(code, reason)?;
        if !code.is_application() {
            return Err(wsproto::CloseError::CodeNotAllowed(code).into());
        }
        self.link.close(Some(frame))
    }

    /// Closes the connection with any code that may be sent, or with none: for servers that go away
    /// (1001), and for proxies (1012-1014).
    ///
    /// # Errors
    ///
    /// [`Error::Send`] for 1010, which is for clients.
    pub fn close_with<'a>(&self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        self.link.close(frame.into())
    }

    /// Ends the connection at once, without a Close.
    pub fn abort(&self) {
        self.link.abort();
    }
}

impl PartialEq for WebSocketConnection {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for WebSocketConnection {}

impl fmt::Debug for WebSocketConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketConnection")
            .field("id", &self.id)
            .field("peer_addr", &self.peer)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
