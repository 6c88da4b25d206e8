//! A connection as a stream and a sink, whole or split.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use ws_common::{Error, Message, WebSocketConnection};
use wsproto::CloseInfo;

use super::{Sender, WebSocket};

/// The receiving side of a [`WebSocket`] that was [split](WebSocket::into_split). It receives as that does, and
/// dropping it closes the connection in the same way.
pub struct Receiver(WebSocket);

impl WebSocket {
    /// Splits the connection into halves that may belong to different tasks. There is no lock between them that one
    /// would hold while it waits.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), ws_tokio::Error> {
    /// let ws = ws_tokio::connect("wss://example.com/").await?;
    /// let (mut receiver, sender) = ws.into_split();
    /// tokio::spawn(async move { while sender.send("tick").await.is_ok() {} });
    /// while let Some(message) = receiver.recv().await? {
    ///     println!("{message:?}");
    /// }
    /// println!("{:?}", receiver.close_info());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn into_split(self) -> (Receiver, Sender) {
        let sender = self.sender.clone();
        (Receiver(self), sender)
    }
}

impl Receiver {
    /// Waits for the next message; see [`WebSocket::recv`].
    ///
    /// # Errors
    ///
    /// As [`WebSocket::recv`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no message is lost: the next call returns it.
    pub fn recv(&mut self) -> impl Future<Output = Result<Option<Message>, Error>> {
        self.0.recv()
    }

    /// Receives and discards messages until the connection is closed; see [`WebSocket::closed`].
    ///
    /// # Errors
    ///
    /// As [`WebSocket::closed`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the messages received meanwhile are discarded.
    pub async fn closed(&mut self) -> Result<CloseInfo, Error> {
        self.0.closed().await
    }

    /// Returns the handle of the connection, usable from any thread.
    #[must_use]
    pub const fn handle(&self) -> &WebSocketConnection {
        self.0.handle()
    }

    /// Returns how the connection ended; `None` until then.
    #[must_use]
    pub fn close_info(&self) -> Option<&CloseInfo> {
        self.0.close_info()
    }

    /// Returns the whole connection.
    #[must_use]
    pub fn into_whole(self) -> WebSocket {
        self.0
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.0.id()).finish()
    }
}

/// The messages, as [`WebSocket::recv`] returns them. It ends when the connection is closed.
impl Stream for WebSocket {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(context).map(Result::transpose)
    }
}

/// The messages, as [`WebSocket::recv`] returns them. It ends when the connection is closed.
impl Stream for Receiver {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(Result::transpose)
    }
}
