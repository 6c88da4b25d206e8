//! The interface between a connection and its handles.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::Extension;
use wsproto::url::WsUrl;
use wsproto::{CloseFrame, CloseInfo, KeepAlive, PreparedMessage, ReadyState};

use crate::{ConnectionId, Error, Message, SendStatus, ServerHandle, TimerId, WebSocketConnection};

/// A message or a Ping to send.
pub enum Outgoing<'a> {
    /// A message passed by value. It is left unchanged on [`Error::WouldExceed`]; otherwise its memory may be
    /// taken.
    Owned(&'a mut Message),
    /// A message passed by value, as [`Owned`](Self::Owned), that is not compressed.
    #[cfg(feature = "deflate")]
    Plain(&'a mut Message),
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A binary message whose memory a server may share.
    #[cfg(feature = "bytes")]
    Bytes(&'a bytes::Bytes),
    /// A message encoded once for many connections.
    Prepared(&'a PreparedMessage),
    /// A Ping with this payload, at most 125 bytes.
    Ping(&'a [u8]),
}

/// Shows lengths only.
impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let describe = |message: &Message| match message {
            Message::Text(text) => ("text", text.len()),
            Message::Binary(bytes) => ("binary", bytes.len()),
        };
        let (kind, len) = match self {
            Self::Owned(message) => describe(message),
            #[cfg(feature = "deflate")]
            Self::Plain(message) => describe(message),
            Self::Text(text) => ("text", text.len()),
            Self::Binary(bytes) => ("binary", bytes.len()),
            #[cfg(feature = "bytes")]
            Self::Bytes(bytes) => ("binary", bytes.len()),
            Self::Prepared(message) => ("prepared", message.payload().len()),
            Self::Ping(payload) => ("ping", payload.len()),
        };
        write!(f, "{kind} of {len} bytes")
    }
}

/// The connection behind a [`WebSocketConnection`](crate::WebSocketConnection). Adapters use its
/// implementation for [`Connection`](super::Connection).
pub trait ConnectionLink: Send + Sync {
    /// Returns the id, which never changes.
    fn id(&self) -> &ConnectionId;

    /// Returns the server that accepted the connection.
    fn server(&self) -> Option<&ServerHandle>;

    /// Returns the URL that a client connects to.
    fn url(&self) -> Option<WsUrl>;

    /// Returns the address of the transport's peer.
    fn peer_addr(&self) -> Option<SocketAddr>;

    /// Returns the address of the client that proxies name, or else of the peer.
    fn client_addr(&self) -> Option<SocketAddr>;

    /// Returns the negotiated subprotocol.
    fn subprotocol(&self) -> Option<String>;

    /// Returns the negotiated extensions.
    fn extensions(&self) -> Vec<Extension>;

    /// Returns the state of the connection.
    fn ready_state(&self) -> ReadyState;

    /// Returns how the connection ended, at the latest after its handler's last call.
    fn close_info(&self) -> Option<CloseInfo>;

    /// Returns how many bytes of output are not yet passed to the operating system.
    fn buffered_amount(&self) -> usize;

    /// Returns the round-trip time of the last answered keep-alive Ping.
    fn round_trip(&self) -> Option<Duration>;

    /// Sends a message or a Ping. A blocking adapter may wait until the peer reads, for a limited time.
    ///
    /// # Errors
    ///
    /// [`Error::Send`], [`Error::WouldExceed`] without a message, or [`Error::Io`]. Nothing is sent on an
    /// error; after [`Error::WouldExceed`], `outgoing` is unchanged.
    fn send(&self, outgoing: Outgoing<'_>) -> Result<SendStatus, Error>;

    /// Sends a message that many connections are sent, as [`send`](Self::send) does, but never waits.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    fn publish(&self, outgoing: Outgoing<'_>) -> Result<SendStatus, Error>;

    /// Sends a Ping, and ends the connection unless its Pong arrives within `patience`.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection is not open.
    fn ping_within(&self, patience: Duration) -> Result<(), Error>;

    /// Changes the keep-alive.
    fn set_keep_alive(&self, keep_alive: Option<KeepAlive>);

    /// Stops or continues reading.
    fn set_paused(&self, paused: bool);

    /// Sets a timer that expires `after` from now.
    fn set_timer(&self, after: Duration) -> TimerId;

    /// Cancels a timer. Returns whether it had not expired.
    fn cancel_timer(&self, timer: TimerId) -> bool;

    /// Begins the closing handshake with any code that this end may send, or with none. Does not wait for
    /// the peer.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] for 1010 at a server.
    fn close(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error>;

    /// Begins the closing handshake with a code that this end's application may set.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close), and [`Error::ClientCode`] for a code that a client's application may not
    /// set.
    fn close_as_application(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error>;

    /// Ends the connection at once, without a Close frame.
    fn abort(&self);

    /// Returns the span of the connection.
    #[cfg(feature = "tracing")]
    fn span(&self) -> tracing::Span {
        tracing::Span::none()
    }

    /// Calls `use_it` with the socket, if the connection has one at the moment.
    fn with_socket(&self, use_it: &mut dyn FnMut(&socket2::Socket)) {
        let _ = use_it;
    }
}

/// Creates a connection's handle.
#[must_use]
pub fn connection_handle(link: Arc<dyn ConnectionLink>) -> WebSocketConnection {
    WebSocketConnection::new(link)
}

/// Returns a new id, greater than all earlier ones.
#[must_use]
pub fn new_connection_id() -> ConnectionId {
    ConnectionId::new()
}
