//! The sending side of a connection, which any number of tasks share.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

#[cfg(feature = "bytes")]
use tokio::task::coop::consume_budget;
use tokio::task::coop::poll_proceed;
use ws_common::adapter::{ConnectionLink, Outgoing, connection_handle, unknown_end};
use ws_common::{Error, Message, WebSocketConnection};
use wsproto::CloseInfo;

use super::sink::SinkState;
use crate::owned::Owned;
use crate::room::RoomWait;
use crate::tasks::Waiter;

/// The sending side of a [`WebSocket`](crate::WebSocket). Clones send on the same connection; dropping them does
/// not close it. Messages that several tasks send are not interleaved. To close the connection, call
/// [`close`](WebSocketConnection::close) of the [`handle`](Self::handle), and receive until the end.
///
/// Its futures may be dropped at any time; see [Cancel safety](crate::WebSocket#cancel-safety).
pub struct Sender {
    pub(super) connection: Arc<dyn Owned>,
    pub(super) handle: WebSocketConnection,
    /// The state of its `Sink`.
    pub(super) sink: SinkState,
}

impl Sender {
    pub(super) fn new(connection: Arc<dyn Owned>) -> Self {
        let handle = connection_handle(Arc::clone(&connection) as Arc<dyn ConnectionLink>);
        Self { connection, handle, sink: SinkState::default() }
    }

    /// Returns the handle of the connection, usable from any thread. Its [`send`](WebSocketConnection::send) never
    /// waits.
    #[must_use]
    pub const fn handle(&self) -> &WebSocketConnection {
        &self.handle
    }

    /// Sends a message, as [`WebSocket::send`](crate::WebSocket::send) does.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`](crate::WebSocket::send).
    ///
    /// # Cancel safety
    ///
    /// The message is taken exactly if the future has returned success. If it is dropped before, nothing of the
    /// message is sent.
    pub fn send(&self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        Sending { sender: self, message: Some(message.into()), room: None }
    }

    /// Sends a binary message whose memory others may share, as
    /// [`WebSocket::send_bytes`](crate::WebSocket::send_bytes) does.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send_bytes`](crate::WebSocket::send_bytes).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    #[cfg(feature = "bytes")]
    pub async fn send_bytes(&self, bytes: &ws_common::bytes::Bytes) -> Result<(), Error> {
        consume_budget().await;
        loop {
            match self.handle.send_bytes(bytes) {
                Err(Error::WouldExceed(None)) if self.has_room_in_time().await => {}
                Ok(_) => {
                    self.sink.sent();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for room. Returns false if the peer has read nothing for too long.
    #[cfg(feature = "bytes")]
    async fn has_room_in_time(&self) -> bool {
        let mut wait = RoomWait::new(self.connection.tasks());
        poll_fn(|context| self.connection.poll_room(&mut wait, context)).await
    }

    /// Sends a message if there is room, as [`WebSocket::try_send`](crate::WebSocket::try_send) does.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::try_send`](crate::WebSocket::try_send).
    #[inline]
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.handle.send(message)?;
        self.sink.sent();
        Ok(())
    }

    /// Waits until everything that was sent before is written to the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] of the kind [`BrokenPipe`](std::io::ErrorKind::BrokenPipe) if the connection has ended, and some of
    /// that was not written. Messages that were sent later do not matter.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, everything is written all the same.
    pub async fn flush(&self) -> Result<(), Error> {
        let (mut waiter, mut goal) = (Waiter::new(self.connection.tasks()), None);
        poll_fn(|context| self.connection.poll_written(&mut goal, &mut waiter, context)).await
    }

    /// Waits until the connection is closed, and returns how it ended. The receiving side must be polled meanwhile,
    /// or have been dropped.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing has happened.
    pub async fn closed(&self) -> CloseInfo {
        let mut waiter = Waiter::at_end(self.connection.tasks());
        poll_fn(|context| match self.connection.is_over(&mut waiter, context) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        self.handle.close_info().unwrap_or_else(unknown_end)
    }
}

/// The future of [`Sender::send`]. It is written by hand to be small: a task reserves memory for it as long as its
/// connection lasts.
struct Sending<'s> {
    sender: &'s Sender,
    message: Option<Message>,
    room: Option<Box<RoomWait>>,
}

impl Future for Sending<'_> {
    type Output = Result<(), Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Self { sender, message, room } = &mut *self;
        let connection = &*sender.connection;
        loop {
            if let Some(wait) = room {
                let has_room = ready!(connection.poll_room(wait, context));
                *room = None;
                if !has_room {
                    return Poll::Ready(Err(Error::WouldExceed(message.take())));
                }
            } else {
                // A peer that never stops reading must not delay other tasks.
                ready!(poll_proceed(context)).made_progress();
            }
            // The message is lent where it lies: each move of it counts.
            let Some(lent) = message else { return Poll::Ready(Ok(())) };
            match connection.send(Outgoing::Owned(lent)) {
                Ok(_) => {
                    sender.sink.sent();
                    *message = None;
                    return Poll::Ready(Ok(()));
                }
                Err(Error::WouldExceed(_)) => {
                    *room = Some(Box::new(RoomWait::new(connection.tasks())));
                }
                Err(error) => {
                    *message = None;
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        let (connection, handle) = (Arc::clone(&self.connection), self.handle.clone());
        Self { connection, handle, sink: SinkState::default() }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("id", &self.handle.id()).finish_non_exhaustive()
    }
}
