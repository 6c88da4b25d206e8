//! What an adapter does for the handles of its connections.

use std::net::SocketAddr;
use std::time::Duration;

use wsproto::url::WsUrl;
use wsproto::{CloseFrame, PreparedMessage, ReadyState};

use crate::{ConnectionId, Error, Message, SendStatus, ServerHandle};

/// What is to be sent on a connection.
#[derive(Debug)]
pub enum Outgoing<'a> {
    /// A message whose memory the adapter may take, if it takes the message.
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

/// What an adapter does for a [`WebSocketConnection`](crate::WebSocketConnection); only adapters
/// implement it.
pub trait ConnectionLink: Send + Sync {
    /// Returns what tells it apart; always the same.
    fn id(&self) -> &ConnectionId;

    /// Returns the server that accepted it.
    fn server(&self) -> Option<&ServerHandle>;

    /// Returns the URL that a client has connected to.
    fn url(&self) -> Option<WsUrl>;

    /// Returns the address at the other end of the transport.
    fn peer_addr(&self) -> Option<SocketAddr>;

    /// Returns the subprotocol in use.
    fn subprotocol(&self) -> Option<String>;

    /// How far the connection has got.
    fn ready_state(&self) -> ReadyState;

    /// Returns how many bytes were taken and are not handed to the operating system yet.
    fn buffered_amount(&self) -> usize;

    /// Returns how long the answer to the last Ping of the keep-alive took.
    fn round_trip(&self) -> Option<Duration>;

    /// Sends; if it returns [`Error::WouldExceed`], without a message, what was to be sent is as it was.
    ///
    /// # Errors
    ///
    /// [`Error::Send`], [`Error::WouldExceed`] or [`Error::Io`].
    fn send(&self, outgoing: Outgoing<'_>) -> Result<SendStatus, Error>;

    /// Begins the closing handshake, with any code that may be sent, and does not wait for the peer.
    /// If the transport fails, that is for the one to know who receives.
    ///
    /// # Errors
    ///
    /// [`Error::Send`].
    fn close(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error>;

    /// Ends the connection at once.
    fn abort(&self);
}
