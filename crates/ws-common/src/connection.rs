//! A connection, as handlers and other threads see it.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU64};
use std::time::Duration;

use wsproto::url::WsUrl;
use wsproto::{CloseCode, CloseFrame, CloseInfo, PreparedMessage, ReadyState};

use crate::adapter::{ConnectionLink, Outgoing};
use crate::{Error, Message, SendStatus, ServerHandle};

/// Tells connections apart; never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// Makes one that was not used before. For adapters.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "there is no usual one")]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, atomic::Ordering::Relaxed))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A handle to a connection, a server's or a client's. Clones are the same connection, may be used
/// from any thread, and do not close it when they are dropped.
///
/// Handlers are given one. Messages of several threads follow one another whole.
#[derive(Clone)]
pub struct WebSocketConnection(Arc<dyn ConnectionLink>);

impl WebSocketConnection {
    /// Makes the handle of a connection; for adapters.
    #[must_use]
    pub fn new(link: Arc<dyn ConnectionLink>) -> Self {
        Self(link)
    }

    /// Returns its id.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        *self.0.id()
    }

    /// Returns the server that accepted it; `None` for a client's connection, and for one that a loop
    /// of the program's own carries.
    #[must_use]
    pub fn server(&self) -> Option<&ServerHandle> {
        self.0.server()
    }

    /// Returns the URL that a client has connected to; `None` for a server's connection.
    #[must_use]
    pub fn url(&self) -> Option<WsUrl> {
        self.0.url()
    }

    /// Returns the address of the peer, or of the proxy in between; `None` before a client has connected,
    /// and for a transport that has none.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.peer_addr()
    }

    /// Returns the subprotocol in use, until the handler's last call.
    #[must_use]
    pub fn subprotocol(&self) -> Option<String> {
        self.0.subprotocol()
    }

    /// Returns how far the connection has got. Handlers never see [`ReadyState::Connecting`]; the caller
    /// that begins a client's connection on an event loop does.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.0.ready_state()
    }

    /// Returns how the connection ended, after its handler's last call.
    #[must_use]
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.0.close_info()
    }

    /// Returns how many bytes, headers of frames included, were taken to be sent and are not handed
    /// to the operating system yet. What could not be sent before the end stays counted.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.0.buffered_amount()
    }

    /// Returns how long the answer to the last Ping of the keep-alive took.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.0.round_trip()
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection is not open, or closing: nothing was sent.
    /// [`Error::WouldExceed`] if the peer does not read, and too much waits for it already; it has the
    /// message. [`Error::Io`] if the transport failed.
    pub fn send(&self, message: impl Into<Message>) -> Result<SendStatus, Error> {
        let mut message = message.into();
        match self.0.send(Outgoing::Owned(&mut message)) {
            Ok(status) => Ok(status),
            Err(Error::WouldExceed(None)) => Err(Error::WouldExceed(Some(message))),
            Err(error) => Err(error),
        }
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_text(&self, text: &str) -> Result<SendStatus, Error> {
        self.0.send(Outgoing::Text(text))
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_binary(&self, bytes: &[u8]) -> Result<SendStatus, Error> {
        self.0.send(Outgoing::Binary(bytes))
    }

    /// Sends a value as JSON, in a text message.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] if the value cannot be written as JSON, and as [`send`](Self::send).
    #[cfg(feature = "json")]
    pub fn send_json<T: serde::Serialize + ?Sized>(&self, value: &T) -> Result<SendStatus, Error> {
        self.send(Message::from_json(value)?)
    }

    /// Sends a message that was encoded before, for many connections.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&self, message: &PreparedMessage) -> Result<SendStatus, Error> {
        self.0.send(Outgoing::Prepared(message))
    }

    /// Sends a message that was encoded before, and never waits.
    pub(crate) fn try_send_prepared(&self, message: &PreparedMessage) -> Result<SendStatus, Error> {
        self.0.try_send(Outgoing::Prepared(message))
    }

    /// Sends a Ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&self, payload: &[u8]) -> Result<SendStatus, Error> {
        self.0.send(Outgoing::Ping(payload))
    }

    /// Sends it what is [published](ServerHandle::publish) on a topic from now on. Returns whether it is
    /// one of a server's connections now.
    #[allow(clippy::must_use_candidate, reason = "most need not know")]
    pub fn subscribe(&self, topic: &str) -> bool {
        self.server().is_some_and(|server| server.subscribe(self, topic))
    }

    /// Sends it no more of what is published on a topic. Returns whether it was subscribed.
    #[allow(clippy::must_use_candidate, reason = "most need not know")]
    pub fn unsubscribe(&self, topic: &str) -> bool {
        self.server().is_some_and(|server| server.unsubscribe(self, topic))
    }

    /// Closes the connection with a code and a reason, behind everything that was sent before. Does nothing
    /// if it is closing or closed. Never waits for the peer. Of a reason that is longer than 123 bytes, the
    /// characters that fit are sent.
    ///
    /// A server may close with any code that a server may send, such as 1001, 1008 or 1011. A client may
    /// set 1000 and 3000 to 4999, as in browsers; [`close_with`](Self::close_with) has the others.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] for a code that may not be sent, [`Error::ClientCode`] for one that a client's
    /// application may not set: nothing was sent, and the connection is as it was.
    pub fn terminate(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.close(CloseFrame::truncated(code, reason)?)
    }

    /// Closes the connection as [`terminate`](Self::terminate) does; without a frame, the Close is
    /// empty.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate).
    pub fn close<'a>(&self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        self.0.close_as_application(frame.into().as_ref())
    }

    /// Closes the connection with any code that this end may send, or with none: for endpoints that
    /// relay what another one has said.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] for 1010 if this is the server's end.
    pub fn close_with<'a>(&self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        self.0.close(frame.into().as_ref())
    }

    /// Ends the connection at once, without a Close.
    pub fn abort(&self) {
        self.0.abort();
    }
}

impl PartialEq for WebSocketConnection {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for WebSocketConnection {}

/// In the order in which they began.
impl Ord for WebSocketConnection {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id().cmp(&other.id())
    }
}

impl PartialOrd for WebSocketConnection {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Borrow<ConnectionId> for WebSocketConnection {
    fn borrow(&self) -> &ConnectionId {
        self.0.id()
    }
}

impl fmt::Debug for WebSocketConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketConnection")
            .field("id", &self.id())
            .field("peer_addr", &self.peer_addr())
            .field("ready_state", &self.ready_state())
            .finish_non_exhaustive()
    }
}
