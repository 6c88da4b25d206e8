//! A connection, as its handles see it.

use std::net::SocketAddr;
use std::time::Duration;

use wsproto::url::WsUrl;
use wsproto::{CloseFrame, CloseInfo, PreparedMessage, ReadyState};

use crate::{ConnectionId, Error, Message, SendStatus, ServerHandle};

/// A message, or a Ping, to be sent on a connection.
pub enum Outgoing<'a> {
    /// A message whose memory may be taken, if the message is taken.
    Owned(&'a mut Message),
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A message that was encoded before.
    Prepared(&'a PreparedMessage),
    /// A Ping.
    Ping(&'a [u8]),
}

/// A connection behind a [`WebSocketConnection`](crate::WebSocketConnection).
/// [`Connection`](super::Connection) implements it for adapters.
pub trait ConnectionLink: Send + Sync {
    /// Returns the id; always the same.
    fn id(&self) -> &ConnectionId;

    /// Returns the server that accepted it.
    fn server(&self) -> Option<&ServerHandle>;

    /// Returns the URL that a client connects to.
    fn url(&self) -> Option<WsUrl>;

    /// Returns the address at the other end of the transport.
    fn peer_addr(&self) -> Option<SocketAddr>;

    /// Returns the subprotocol in use.
    fn subprotocol(&self) -> Option<String>;

    /// Returns how far the connection has got.
    fn ready_state(&self) -> ReadyState;

    /// Returns how the connection ended, once its handler was told or nobody is to be told.
    fn close_info(&self) -> Option<CloseInfo>;

    /// Returns how many bytes were taken and are not handed to the operating system yet.
    fn buffered_amount(&self) -> usize;

    /// Returns how long the answer to the last Ping of the keep-alive took.
    fn round_trip(&self) -> Option<Duration>;

    /// Sends; an adapter that blocks may wait for the peer, as long as its patience lasts. If it returns
    /// [`Error::WouldExceed`], without a message, what was to be sent is as it was.
    ///
    /// # Errors
    ///
    /// [`Error::Send`], [`Error::WouldExceed`] or [`Error::Io`].
    fn send(&self, outgoing: Outgoing<'_>) -> Result<SendStatus, Error>;

    /// Sends as [`send`](Self::send) does, and never waits.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    fn try_send(&self, outgoing: Outgoing<'_>) -> Result<SendStatus, Error>;

    /// Begins the closing handshake, with any code that this end may send, and does not wait for the peer.
    ///
    /// # Errors
    ///
    /// [`Error::Send`].
    fn close(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error>;

    /// Begins the closing handshake with a code that this end's application may set.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close), and [`Error::ClientCode`].
    fn close_as_application(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error>;

    /// Ends the connection at once.
    fn abort(&self);
}
