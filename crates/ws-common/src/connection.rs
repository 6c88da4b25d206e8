//! Handles to a connection, for handlers and other threads.

#[cfg(feature = "bytes")]
mod sharing;
#[cfg(feature = "tracing")]
mod span;
mod topics;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU64};
use std::time::Duration;

use wsproto::handshake::Extension;
use wsproto::url::WsUrl;
use wsproto::{CloseCode, CloseFrame, CloseInfo, KeepAlive, PreparedMessage, ReadyState};

use crate::adapter::{ConnectionLink, Outgoing};
use crate::{Error, Message, SendStatus, ServerHandle, TimerId};

/// Identifies a connection. An id is never reused within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// The id of no connection.
    pub(crate) const NONE: Self = Self(0);

    /// Returns a new id, greater than all earlier ones.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, atomic::Ordering::Relaxed))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A handle to a server's or a client's connection, usable from any thread. Clones refer to the same
/// connection; dropping them does not close it.
///
/// Every call of a handler receives one. Messages that several threads send are not interleaved.
#[derive(Clone)]
pub struct WebSocketConnection(Arc<dyn ConnectionLink>);

impl WebSocketConnection {
    /// Creates a connection's handle.
    pub(crate) fn new(link: Arc<dyn ConnectionLink>) -> Self {
        Self(link)
    }

    /// Returns the connection's id.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        *self.0.id()
    }

    /// Returns the server that accepted the connection; `None` for a client's connection, and for a server's
    /// connection without a [`ServerHandle`].
    #[must_use]
    pub fn server(&self) -> Option<&ServerHandle> {
        self.0.server()
    }

    /// Returns the URL that a client connects to; `None` for a server's connection.
    #[must_use]
    pub fn url(&self) -> Option<WsUrl> {
        self.0.url()
    }

    /// Returns the address of the transport's peer, which may be a proxy; `None` before a client has
    /// connected, and for a transport without addresses.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.peer_addr()
    }

    /// Returns the address of a server's client; see
    /// [`IncomingRequest::client_addr`](crate::IncomingRequest::client_addr). At a client, it is the peer's.
    #[must_use]
    pub fn client_addr(&self) -> Option<SocketAddr> {
        self.0.client_addr()
    }

    /// Returns the negotiated subprotocol; `None` after the handler's last call.
    #[must_use]
    pub fn subprotocol(&self) -> Option<String> {
        self.0.subprotocol()
    }

    /// Returns the negotiated extensions, such as permessage-deflate (feature `deflate`); empty after the
    /// handler's last call.
    #[must_use]
    pub fn extensions(&self) -> Vec<Extension> {
        self.0.extensions()
    }

    /// Returns the state of the connection. Handlers never see [`ReadyState::Connecting`]; a caller that
    /// starts a client's connection on an event loop does.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.0.ready_state()
    }

    /// Returns how the connection ended; `None` before. It is available at the latest when the handler's last
    /// call has returned.
    #[must_use]
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.0.close_info()
    }

    /// Returns how many bytes of output, frame headers included, are not yet passed to the operating
    /// system. Bytes that were unsent when the connection ended stay counted.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.0.buffered_amount()
    }

    /// Returns the round-trip time of the last answered keep-alive Ping; `None` without one, and after the
    /// handler's last call.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.0.round_trip()
    }

    /// Sends a message. On `ws-mio` and `ws-tokio`, this never waits. On `ws-std`, it waits while there is no
    /// room, until the peer has read nothing for [`Config::write_timeout`](wsproto::Config::write_timeout), or for the
    /// `set_send_timeout` of its `WebSocket`; but a client's handler does not wait for its
    /// own connection.
    ///
    /// # Errors
    ///
    /// Nothing is sent on an error. [`Error::Send`] if the connection is not open, or is closing.
    /// [`Error::WouldExceed`] if the peer does not read and the
    /// [high-water mark](wsproto::Config::high_water_mark) is reached; it returns the message.
    /// [`Error::Io`] if the transport failed.
    #[inline]
    pub fn send(&self, message: impl Into<Message>) -> Result<SendStatus, Error> {
        self.send_owned(message.into(), |message| Outgoing::Owned(message))
    }

    #[inline]
    pub(crate) fn send_owned(
        &self,
        mut message: Message,
        outgoing: impl for<'m> FnOnce(&'m mut Message) -> Outgoing<'m>,
    ) -> Result<SendStatus, Error> {
        match self.0.send(outgoing(&mut message)) {
            Ok(status) => Ok(status),
            Err(Error::WouldExceed(None)) => Err(Error::WouldExceed(Some(message))),
            Err(error) => Err(error),
        }
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but [`Error::WouldExceed`] contains no message.
    pub fn send_text(&self, text: &str) -> Result<SendStatus, Error> {
        self.0.send(Outgoing::Text(text))
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but [`Error::WouldExceed`] contains no message.
    pub fn send_binary(&self, bytes: &[u8]) -> Result<SendStatus, Error> {
        self.0.send(Outgoing::Binary(bytes))
    }

    /// Sends a value as JSON, in a text message.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] if the value cannot be serialized as JSON; otherwise as [`send`](Self::send).
    #[cfg(feature = "json")]
    pub fn send_json<T: serde::Serialize + ?Sized>(&self, value: &T) -> Result<SendStatus, Error> {
        self.send(Message::from_json(value)?)
    }

    /// Sends a message that was encoded once for many connections.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but [`Error::WouldExceed`] contains no message.
    pub fn send_prepared(&self, message: &PreparedMessage) -> Result<SendStatus, Error> {
        self.0.send(Outgoing::Prepared(message))
    }

    /// Sends an encoded message that many connections are sent, without waiting.
    pub(crate) fn publish_prepared(&self, message: &PreparedMessage) -> Result<SendStatus, Error> {
        self.0.publish(Outgoing::Prepared(message))
    }

    /// Sends a Ping with at most 125 bytes of payload (RFC 6455 section 5.5).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Error::Send`] for a longer payload. [`Error::WouldExceed`] contains no
    /// message.
    pub fn ping(&self, payload: &[u8]) -> Result<SendStatus, Error> {
        self.0.send(Outgoing::Ping(payload))
    }

    /// Sends a Ping at once, and ends the connection with
    /// [`SessionError::KeepAliveTimeout`](wsproto::SessionError::KeepAliveTimeout) unless its Pong arrives within
    /// `patience`, with a keep-alive or without; for an application that doubts that the peer is there, for
    /// example after the machine has slept or its network has changed. See
    /// [`Endpoint::ping_within`](wsproto::Endpoint::ping_within).
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection is not open.
    pub fn ping_within(&self, patience: Duration) -> Result<(), Error> {
        self.0.ping_within(patience)
    }

    /// Changes the keep-alive of this connection; `None` turns it off. The next Ping follows after an interval,
    /// and a Pong that is outstanding is no longer awaited.
    pub fn set_keep_alive(&self, keep_alive: Option<KeepAlive>) {
        self.0.set_keep_alive(keep_alive);
    }

    /// Stops reading and passing on messages until [`resume`](Self::resume) is called or the connection closes: for an
    /// application that passes them on to a destination without room. Meanwhile, the handler is not called for
    /// messages, and `recv` of `ws-std` and `ws-tokio` waits, also for those that were read before. At most one read of
    /// 64 KiB is held in memory, and the message that was arriving; TCP stops the peer. A call of the handler may still
    /// be in progress on another thread. An end of the connection by the peer is noticed only after the pause, and the
    /// keep-alive does not end the connection meanwhile; a peer that does not expect to wait may.
    pub fn pause(&self) {
        self.0.set_paused(true);
    }

    /// Continues after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.0.set_paused(false);
    }

    /// Sets a timer. Once the connection is open and `after` has passed since this call, its handler's
    /// [`on_timer`](crate::ConnectionHandler::on_timer) is called once. A connection without a handler, and
    /// one that is closed, has no timers.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use ws_common::wsproto::CloseCode;
    /// # use ws_common::{ConnectionHandler, Message, TimerId, WebSocketConnection};
    /// /// Closes connections that send nothing within 5 s.
    /// struct Login(bool);
    ///
    /// impl ConnectionHandler for Login {
    ///     fn on_open(&mut self, ws: &WebSocketConnection) {
    ///         ws.set_timer(Duration::from_secs(5));
    ///     }
    ///
    ///     fn on_message(&mut self, _: &WebSocketConnection, _: Message) {
    ///         self.0 = true;
    ///     }
    ///
    ///     fn on_timer(&mut self, ws: &WebSocketConnection, _: TimerId) {
    ///         if !self.0 {
    ///             // Fails only for codes that may not be sent.
    ///             let _ = ws.terminate(CloseCode::POLICY_VIOLATION, "log in within 5 s");
    ///         }
    ///     }
    /// }
    /// ```
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn set_timer(&self, after: Duration) -> TimerId {
        self.0.set_timer(after)
    }

    /// Cancels a timer of this connection. Returns `true` if it had not expired: then
    /// the handler is not called for it.
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn cancel_timer(&self, timer: TimerId) -> bool {
        self.0.cancel_timer(timer)
    }

    /// Closes the connection with a code and a reason. The Close frame follows all messages sent before.
    /// Does nothing if the connection is closing or closed, and never waits for the peer. To end at once,
    /// without a Close frame, see [`abort`](Self::abort). A reason longer than 123 bytes is cut after the last
    /// character that fits.
    ///
    /// A server may close with any code that a server may send, such as 1001, 1008 or 1011. A client may
    /// use 1000 and 3000 to 4999, as in browsers; [`close_with`](Self::close_with) sends the others.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] for a code that may not be sent (RFC 6455 section 7.4), [`Error::ClientCode`] for a
    /// code that a client's application may not set, [`Error::Send`] for 1010 at a server. Nothing is sent on
    /// an error, and the state of the connection does not change.
    pub fn terminate(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.close(CloseFrame::truncated(code, reason)?)
    }

    /// Closes the connection as [`terminate`](Self::terminate) does. `None` sends an empty Close frame.
    ///
    /// # Errors
    ///
    /// [`Error::ClientCode`] and [`Error::Send`] as [`terminate`](Self::terminate).
    pub fn close<'a>(&self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        self.0.close_as_application(frame.into().as_ref())
    }

    /// Closes the connection with any code that this end may send, or with none; for proxies and other
    /// endpoints that relay a Close frame.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] for 1010 at a server: only a client may send it (RFC 6455 section 7.4.1).
    pub fn close_with<'a>(&self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        self.0.close(frame.into().as_ref())
    }

    /// Calls `use_it` with the socket, to read or set its options, and returns its result. `None`, without a
    /// call, if the connection has no socket: it is not connected yet, closed, or on a stream of another
    /// kind. The connection is locked meanwhile: `use_it` must be quick, and must not use the connection.
    /// Reading, writing, or changing whether the socket blocks breaks the connection.
    ///
    /// ```
    /// # use ws_common::{ConnectionHandler, Message, WebSocketConnection};
    /// # struct Handler;
    /// # impl ConnectionHandler for Handler {
    /// # fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}
    /// fn on_open(&mut self, ws: &WebSocketConnection) {
    ///     let set = ws.with_socket(|socket| socket.set_send_buffer_size(1 << 20));
    ///     assert!(!matches!(set, Some(Err(_))));
    /// }
    /// # }
    /// ```
    pub fn with_socket<T>(&self, use_it: impl FnOnce(&socket2::Socket) -> T) -> Option<T> {
        let (mut use_it, mut result) = (Some(use_it), None);
        self.0.with_socket(&mut |socket| {
            result = use_it.take().map(|use_it| use_it(socket));
        });
        result
    }

    /// Ends the connection at once, without a Close frame. Unsent output is discarded.
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

/// By [id](WebSocketConnection::id): the oldest connection first.
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
