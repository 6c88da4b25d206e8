//! The calls of a connection's handler: in order, guarded against panics, up to the last.

mod deciding;
mod ending;
mod owning;

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use wsproto::{CloseCode, CloseFrame, MessageRef, Role};

use super::answering::answering;
use super::logging::error;
use super::panics::{Panic, catch};
use super::verdict::DynHandler;
use super::{Connection, Driver, Permit, Step};
use crate::timers::Due;
use crate::{ConnectionHandler, ConnectionId, Error, Message, WebSocketConnection};

/// Calls a connection's handler for the connection's events.
pub struct Conversation {
    handler: Option<Box<dyn DynHandler>>,
    permit: Option<Permit>,
}

impl Conversation {
    /// Creates the conversation of a client's connection.
    pub fn client(handler: impl ConnectionHandler) -> Self {
        Self { handler: Some(Box::new(handler)), permit: None }
    }

    /// Creates the conversation of a server's connection. The application's decision provides the handler.
    #[must_use]
    pub const fn server(permit: Permit) -> Self {
        Self { handler: None, permit: Some(permit) }
    }

    /// Takes the permit out, for [`Acceptor::admit_named`](super::Acceptor::admit_named); the conversation is
    /// then [over](Self::is_over) unless it is replaced.
    pub const fn take_permit(&mut self) -> Option<Permit> {
        self.permit.take()
    }

    /// Creates the conversation of a transport that a server refuses.
    #[must_use]
    pub fn refused() -> Self {
        Self { handler: Some(Box::new(())), permit: None }
    }

    /// Creates a conversation that is [over](Self::is_over).
    #[must_use]
    pub const fn none() -> Self {
        Self { handler: None, permit: None }
    }

    /// Returns whether no further call of a handler can follow.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.handler.is_none() && self.permit.is_none()
    }

    /// Returns whether a decision is postponed. A notice may then mean that it is made: call
    /// [`resume`](Self::resume).
    #[inline]
    pub(crate) fn is_deciding(&mut self) -> bool {
        self.handler.as_mut().is_some_and(|handler| handler.undecided().is_some())
    }
}

impl Conversation {
    /// Takes all events out of `input` and the connection, and calls the handler for them. The connection
    /// must not be locked. Returns the payload of the handler's panic, if it panicked.
    pub fn react<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Arc<Connection<R, D>>,
        handle: &WebSocketConnection,
        now: Duration,
        input: &mut &mut [u8],
    ) -> Option<Panic> {
        #[cfg(feature = "tracing")]
        let _within = connection.span().enter();
        let mut panic = None;
        self.resume(connection, now);
        loop {
            let mut held = connection.lock();
            if held.borrows()
                && let Some(link) = held.link_mut()
                && let Some(message) = link.next_small_message_ref(input)
            {
                let driver = connection.driver();
                driver.input_goes_on(!input.is_empty());
                drop(held);
                if let Some(traffic) = driver.traffic() {
                    traffic.received(1, 0);
                }
                panic = panic.or(self.message_ref(connection.id(), handle, message));
                continue;
            }
            let step = held.link_mut().and_then(|link| link.next(now, input));
            let Some(step) = step else {
                let left = held.follow_redirect();
                drop(held);
                drop(left);
                return panic;
            };
            if let Step::Message(_) = step {
                connection.driver().input_goes_on(!input.is_empty());
            }
            drop(held);
            panic = panic.or(self.take(connection, handle, now, step));
        }
    }

    /// Handles one event. The connection must not be locked. Returns the payload of the handler's panic, if
    /// it panicked.
    pub fn take<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Arc<Connection<R, D>>,
        handle: &WebSocketConnection,
        now: Duration,
        step: Step,
    ) -> Option<Panic> {
        match step {
            Step::Message(message) => {
                if let Some(traffic) = connection.driver().traffic() {
                    traffic.received(1, 0);
                }
                self.message(connection.id(), handle, message)
            }
            Step::Other => None,
            Step::Ping(payload) => self.call(handle, |handler, ws| handler.on_ping(ws, &payload)),
            Step::Pong(payload) => self.call(handle, |handler, ws| handler.on_pong(ws, &payload)),
            Step::Request => {
                self.decide(connection, now);
                None
            }
            Step::Open => self.open(connection, handle),
            Step::Error(error) => match &*error {
                Error::Http(response) if connection.driver().follows(response) => {
                    let left = connection.lock().redial();
                    drop(left);
                    None
                }
                error => self.fail(connection, handle, error),
            },
            Step::Closed(info) => self.finish(connection, handle, *info),
        }
    }

    /// Calls `on_drained` if all output has been written since a send was queued or refused. The connection
    /// must not be locked.
    pub fn tell_drained<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Arc<Connection<R, D>>,
        handle: &WebSocketConnection,
    ) -> Option<Panic> {
        let mut held = connection.lock();
        let drained = held.live().is_ok_and(|link| link.endpoint_mut().take_drained());
        drop(held);
        drained.then(|| self.drained(handle)).flatten()
    }

    /// Calls `on_timer` for the timers that have expired at `now`; those that these calls set are due the next
    /// time. The connection must not be locked. The adapter calls this when
    /// [`ConnectionState::deadline`](super::ConnectionState::deadline) is due.
    pub fn call_timers<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Arc<Connection<R, D>>,
        handle: &WebSocketConnection,
        now: Duration,
    ) -> Option<Panic> {
        let (mut panic, mut due) = (None, Due::default());
        loop {
            let expired = connection.lock().take_expired_timer(now, &mut due);
            let Some(timer) = expired else { return panic };
            panic = panic.or(self.call(handle, |handler, ws| handler.on_timer(ws, timer)));
        }
    }

    /// Calls `on_message`. The connection must not be locked.
    #[inline]
    pub fn message(
        &mut self,
        id: ConnectionId,
        handle: &WebSocketConnection,
        message: Message,
    ) -> Option<Panic> {
        self.reply(id, handle, |handler| handler.on_message(handle, message))
    }

    /// Calls `on_message_ref`. The connection must not be locked.
    #[inline]
    pub(super) fn message_ref(
        &mut self,
        id: ConnectionId,
        handle: &WebSocketConnection,
        message: MessageRef<'_>,
    ) -> Option<Panic> {
        self.reply(id, handle, |handler| handler.on_message_ref(handle, message))
    }

    /// Calls the handler for a message; its sends are replies.
    #[inline]
    fn reply(
        &mut self,
        id: ConnectionId,
        handle: &WebSocketConnection,
        call: impl FnOnce(&mut dyn DynHandler),
    ) -> Option<Panic> {
        let handler = self.handler.as_deref_mut()?;
        let panic = answering(id, || catch(|| call(handler)).err())?;
        Some(self.panicked(handle, panic))
    }

    /// Calls `on_drained`. The connection must not be locked.
    pub fn drained(&mut self, handle: &WebSocketConnection) -> Option<Panic> {
        self.call(handle, ConnectionHandler::on_drained)
    }

    /// Calls `on_open`, unless it was called before. Returns the payload of the handler's panic, if it
    /// panicked.
    pub fn open<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
    ) -> Option<Panic> {
        if mem::replace(&mut connection.lock().opened, true) {
            return None;
        }
        connection.log_open();
        if self.permit.as_ref().is_some_and(|permit| !permit.open(handle)) {
            // The server has ended and calls no more handlers.
            connection.lock().opened = false;
            let _ = self.drop_handler();
            handle.abort();
            return None;
        }
        self.begin(connection, handle)
    }

    /// Makes the handler's first calls. The connection must not be locked.
    fn begin<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
    ) -> Option<Panic> {
        self.call(handle, |handler, ws| {
            let borrows = handler.borrows();
            connection.lock().set_borrows(borrows);
            handler.on_open(ws);
        })
    }

    /// Calls the handler.
    #[inline]
    fn call(
        &mut self,
        handle: &WebSocketConnection,
        call: impl FnOnce(&mut dyn ConnectionHandler, &WebSocketConnection),
    ) -> Option<Panic> {
        let handler = self.handler.as_mut().and_then(|handler| handler.handler())?;
        let panic = catch(|| call(handler, handle)).err()?;
        Some(self.panicked(handle, panic))
    }

    /// Closes the connection with code 1011, and drops the handler.
    #[cold]
    fn panicked(&mut self, handle: &WebSocketConnection, panic: Panic) -> Panic {
        error!("the handler of connection {} has panicked", handle.id());
        // 1011: an unexpected condition at this end (RFC 6455 section 7.4.1).
        let sorry = CloseFrame::new(CloseCode::INTERNAL_ERROR, "").ok();
        let _ = handle.close_with(sorry);
        // Ignore a second panic while dropping the handler; the first is reported.
        let _ = self.drop_handler();
        panic
    }

    #[inline]
    fn drop_handler(&mut self) -> Option<Panic> {
        let handler = self.handler.take()?;
        catch(|| drop(handler)).err()
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("is_over", &self.is_over()).finish_non_exhaustive()
    }
}

/// Catches a panic of the handler's destructor, so that it does not unwind into the adapter.
impl Drop for Conversation {
    fn drop(&mut self) {
        let _ = self.drop_handler();
    }
}
