//! A connection as a sink of messages.

use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use futures_sink::Sink;
use ws_common::{Error, Message};
use wsproto::ReadyState;

use super::{Sender, WebSocket};
use crate::room::RoomWait;
use crate::tasks::Waiter;

/// `poll_ready` waits for room, as [`send`](WebSocket::send) does; once the peer has read nothing for too long, it fails
/// with [`Error::WouldExceed`] without a message. A sink that is ready takes one message, even if other senders have used
/// up the room meanwhile. Flushing waits, as [`flush`](WebSocket::flush) does, until everything that was sent before is
/// written; nothing needs to be flushed to be sent. Closing begins the closing handshake and flushes; receive the rest of
/// the messages to complete it.
impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sender.poll_ready(context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.sender.start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sender.poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sender.poll_close(context)
    }
}

/// As that of [`WebSocket`].
impl Sink<Message> for Sender {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Self::poll_ready(&mut self, context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        Self::start_send(&mut self, message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Self::poll_flush(&mut self, context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Self::poll_close(&mut self, context)
    }
}

/// The state of a `Sink`, between polls; boxed, because most connections wait for nothing.
#[derive(Default)]
pub(super) struct SinkState {
    /// The wait for room.
    pub(super) room: Option<Box<RoomWait>>,
    /// Whether the sink is ready for a message.
    ready: bool,
    /// The place of the task that waits for a flush, and the number of written bytes it waits for.
    flush: Option<Box<(Waiter, Option<u64>)>>,
    /// Whether this sender has sent since the flush has begun.
    sent: AtomicBool,
}

impl SinkState {
    /// Records that this sender has sent a message.
    #[inline]
    pub(super) fn sent(&self) {
        self.sent.store(true, Ordering::Relaxed);
    }
}

impl Sender {
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_room(context))?;
        self.sink.ready = true;
        Poll::Ready(Ok(()))
    }

    pub(super) fn start_send(&mut self, message: Message) -> Result<(), Error> {
        if !mem::take(&mut self.sink.ready) {
            return self.try_send(message);
        }
        self.connection.send_promised(message)?;
        self.sink.sent();
        Ok(())
    }

    /// Waits for room.
    pub(super) fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let connection = &*self.connection;
        let begin = || Box::new(RoomWait::new(connection.tasks()));
        let wait = self.sink.room.get_or_insert_with(begin);
        let has_room = ready!(connection.poll_room(wait, context));
        self.sink.room = None;
        Poll::Ready(if has_room { Ok(()) } else { Err(Error::WouldExceed(None)) })
    }

    pub(super) fn poll_flush(&mut self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let connection = &self.connection;
        let begin = || Box::new((Waiter::new(connection.tasks()), None));
        let (waiter, goal) = &mut **self.sink.flush.get_or_insert_with(begin);
        // Messages that others send meanwhile are not waited for.
        if mem::take(self.sink.sent.get_mut()) {
            *goal = None;
        }
        let flushed = ready!(connection.poll_written(goal, waiter, context));
        self.sink.flush = None;
        Poll::Ready(flushed)
    }

    pub(super) fn poll_close(&mut self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        if self.handle.ready_state() == ReadyState::Open {
            self.handle.close(None)?;
            self.sink.sent();
        }
        self.poll_flush(context)
    }
}
