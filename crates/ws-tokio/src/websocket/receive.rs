//! Receiving.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::task::coop::poll_proceed;
use ws_common::adapter::{MOST_EVENTS, Step, unknown_end};
use ws_common::{Error, Message};
use wsproto::CloseInfo;

use super::WebSocket;
use crate::owned::Progress;
use crate::tasks::run_again;

impl WebSocket {
    /// Waits for the next message. Returns `None` once the connection is closed;
    /// [`close_info`](Self::close_info) then tells how. A stream that ends without a Close is no error: the code
    /// is 1006 then, and `was_clean` is false.
    ///
    /// A server takes no more messages out of what it has read while more than
    /// [`Config::high_water_mark`](wsproto::Config::high_water_mark) bytes of replies are unwritten. So a loop that
    /// answers each message holds at most the mark, one message and one read.
    ///
    /// One read takes at most 64 KiB (of a large binary message, as much as has arrived of it before), and messages that
    /// arrived together are returned one by one. Until the last of them is taken, the connection holds the rest, in a
    /// buffer of at most 64 KiB and at most four times the rest. Its
    /// keep-alive does not end the connection meanwhile, because a Pong may follow. An application that does not come
    /// back for long, in a `send` for example, notices a dead peer only then.
    ///
    /// # Errors
    ///
    /// [`Error::Session`] if the peer broke a rule or did not answer in time; [`Error::Io`] or [`Error::Tls`] if
    /// the transport failed. The connection is then closed, the peer was told if possible, and the next call
    /// returns `None`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no message is lost: the next call returns it.
    pub fn recv(&mut self) -> impl Future<Output = Result<Option<Message>, Error>> {
        Receiving(self)
    }

    /// As [`recv`](Self::recv), for hand-written futures: the task is woken when another call may return more.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    #[inline]
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        if !self.input.is_empty() {
            // The usual message, of those that were read together. If there is none, all is looked at again.
            let budget = ready!(poll_proceed(context));
            let mut message = None;
            self.sender.connection.next_message(&mut self.input, &mut message);
            if message.is_some() {
                budget.made_progress();
                return Poll::Ready(Ok(message));
            }
        }
        self.poll_other(context)
    }

    /// Polls for the next message, whatever comes before it.
    fn poll_other(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        loop {
            match ready!(self.poll_step(context))? {
                Some(Step::Message(message)) => return Poll::Ready(Ok(Some(message))),
                Some(_) => {}
                None => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// Polls for the next step; `None` once the connection is closed. An error is returned only then: the peer has
    /// been told, even if the caller drops the connection at an error.
    pub(crate) fn poll_step(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Step>, Error>> {
        // A peer that never stops sending must not delay other tasks.
        let budget = ready!(poll_proceed(context));
        // Before the connection is looked at, so that no change is missed.
        if let Some(failure) = self.sender.connection.tasks().register_owner(context) {
            self.rare().failed.get_or_insert(failure);
        }
        let mut over = false;
        for _ in 0..MOST_EVENTS {
            if self.close_info().is_some() {
                return Poll::Ready(self.rare().failed.take().map_or(Ok(None), Err));
            }
            if let Some(decided) = self.decided() {
                self.sender.connection.answer(&decided)?;
            }
            match self.sender.connection.advance(&mut self.input) {
                Progress::Again | Progress::Step(Step::Other | Step::Ping(_)) => {}
                Progress::Failed(error) | Progress::Step(Step::Error(error)) => {
                    self.rare().failed.get_or_insert(*error);
                }
                Progress::Step(Step::Closed(info)) => self.end(Some(*info)),
                Progress::Step(step) => {
                    budget.made_progress();
                    return Poll::Ready(Ok(Some(step)));
                }
                Progress::Idle => return Poll::Pending,
                // The transport is gone, and the session has no end to report.
                Progress::Over if over => self.end(None),
                Progress::Over => over = true,
            }
        }
        // A peer that sends many frames without a message must not delay other tasks.
        run_again(context);
        Poll::Pending
    }

    /// Ends the connection. The carrier sees to its transport, which may linger.
    fn end(&mut self, info: Option<CloseInfo>) {
        let failure = self.sender.connection.tasks().take_failure();
        let subprotocol = self.sender.handle.subprotocol();
        let rare = self.rare();
        (rare.subprotocol, rare.undecided) = (subprotocol, None);
        rare.failed = rare.failed.take().or(failure);
        let (connection, conversation) = (&self.sender.connection, &mut self.conversation);
        match info.clone() {
            Some(info) => {
                let step = Step::Closed(Box::new(info));
                Arc::clone(connection).take(conversation, &self.sender.handle, step);
            }
            None => connection.end(conversation, &self.sender.handle),
        }
        let known = self.sender.handle.close_info();
        let over = std::mem::replace(conversation, ws_common::adapter::Conversation::none());
        self.rare().close_info = info.or(known).or_else(|| Some(unknown_end()));
        let connection = &self.sender.connection;
        connection.leave(over, &self.sender.handle, std::mem::take(&mut self.input));
    }
}

/// The future of [`WebSocket::recv`]. It is written by hand to be inlined: each move of a message counts.
struct Receiving<'w>(&'w mut WebSocket);

impl Future for Receiving<'_> {
    type Output = Result<Option<Message>, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_recv(context)
    }
}
