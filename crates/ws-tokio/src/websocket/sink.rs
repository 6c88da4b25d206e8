//! A connection as a sink of messages.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;
use ws_common::{Error, Message};

use super::{Sender, WebSocket};
use crate::tasks::Waiter;

/// Flushing waits until everything is written, and is not necessary for that. Closing begins the closing handshake
/// and flushes; receive the rest of the messages to complete it.
impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sender.poll_ready(context)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.try_send(message)
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

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.try_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Self::poll_flush(&mut self, context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Self::poll_close(&mut self, context)
    }
}

impl Sender {
    fn poll_ready(&mut self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let waiter = self.waiter.get_or_insert_with(|| Waiter::new(self.connection.tasks()));
        match self.connection.has_room(waiter, context) {
            true => {
                self.waiter = None;
                Poll::Ready(Ok(()))
            }
            false => Poll::Pending,
        }
    }

    fn poll_flush(&mut self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let waiter = self.waiter.get_or_insert_with(|| Waiter::new(self.connection.tasks()));
        let flushed = ready!(self.connection.poll_written(&mut None, waiter, context));
        self.waiter = None;
        Poll::Ready(flushed)
    }

    fn poll_close(&mut self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        self.handle.close(None)?;
        self.poll_flush(context)
    }
}
