//! What an adapter does for the handles of its connections.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use wsproto::url::WsUrl;
use wsproto::{CloseFrame, PreparedMessage, ReadyState};

use crate::{ConnectionId, Error, SendStatus, ServerHandle};

/// What is to be sent on a connection.
#[derive(Debug)]
pub enum Outgoing<'a> {
    /// A text message.
    Text(Cow<'a, str>),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// A message that was encoded before.
    Prepared(&'a PreparedMessage),
    /// A Ping.
    Ping(&'a [u8]),
}

/// What an adapter does for a [`WebSocketConnection`](crate::WebSocketConnection); only adapters
/// implement it. One link may serve many connections.
pub trait ConnectionLink: Send + Sync {
    /// Returns the server that accepts its connections.
    fn server(&self) -> Option<&ServerHandle>;

    /// Returns the URL that a client has connected to.
    fn url(&self, id: ConnectionId) -> Option<WsUrl>;

    /// Returns the address at the other end of the transport.
    fn peer_addr(&self, id: ConnectionId) -> Option<SocketAddr>;

    /// Returns the subprotocol in use.
    fn subprotocol(&self, id: ConnectionId) -> Option<String>;

    /// How far the connection has got.
    fn ready_state(&self, id: ConnectionId) -> ReadyState;

    /// Returns how many bytes were taken and are not handed to the operating system yet.
    fn buffered_amount(&self, id: ConnectionId) -> usize;

    /// Returns how long the answer to the last Ping of the keep-alive took.
    fn round_trip(&self, id: ConnectionId) -> Option<Duration>;

    /// Sends; may take an owned payload out of `outgoing`, but leaves it there if it returns
    /// [`Error::WouldExceed`], without a message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`], [`Error::WouldExceed`] or [`Error::Io`].
    fn send(&self, id: ConnectionId, outgoing: &mut Outgoing<'_>) -> Result<SendStatus, Error>;

    /// Begins the closing handshake, with any code that may be sent, and does not wait for the peer.
    /// If the transport fails, that is for the one to know who receives.
    ///
    /// # Errors
    ///
    /// [`Error::Send`].
    fn close(&self, id: ConnectionId, frame: Option<&CloseFrame<'_>>) -> Result<(), Error>;

    /// Ends the connection at once.
    fn abort(&self, id: ConnectionId);
}
