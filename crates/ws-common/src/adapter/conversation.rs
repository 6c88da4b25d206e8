//! The calls of a connection's handler: in order, guarded against panics, to the last.

use std::any::Any;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use log::{debug, error};
use wsproto::handshake::Request;
use wsproto::{CloseCode, CloseFrame, CloseInfo, Endpoint, Role};

use super::connection::unknown_end;
use super::{Connection, Driver, Permit, Step};
use crate::decision::{Decided, Undecided, Verdict};
use crate::{ConnectionHandler, Error, Message, WebSocketConnection};

/// The payload of a panic.
pub type Panic = Box<dyn Any + Send>;

/// A connection and its handler: what happens to the one is a call of the other.
pub struct Conversation {
    part: Option<Box<dyn Part>>,
    permit: Option<Permit>,
}

/// The other side of a connection: a handler, or a decision that is waited for. One box will do for either.
pub trait Part: Send {
    /// Returns the handler.
    fn handler(&mut self) -> Option<&mut dyn ConnectionHandler> {
        None
    }

    /// Returns the decision that is waited for.
    fn undecided(&mut self) -> Option<&mut dyn Undecided> {
        None
    }
}

impl<H: ConnectionHandler> Part for H {
    #[inline]
    fn handler(&mut self) -> Option<&mut dyn ConnectionHandler> {
        Some(self)
    }
}

struct Deciding(Box<dyn Undecided>);

impl Part for Deciding {
    fn undecided(&mut self) -> Option<&mut dyn Undecided> {
        Some(&mut *self.0)
    }
}

impl Conversation {
    /// Begins with a client's handler.
    pub fn client(handler: impl ConnectionHandler) -> Self {
        Self { part: Some(Box::new(handler)), permit: None }
    }

    /// Begins with the handler of a connection that is open already.
    pub fn opened(handler: impl ConnectionHandler) -> Self {
        Self::client(handler)
    }

    /// Tells the handler of a connection that was open already that it is open.
    pub fn begin<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
    ) -> Option<Panic> {
        self.open(connection, handle)
    }

    /// Begins with a transport that a server has accepted: its application decides on the handler.
    #[must_use]
    pub const fn server(permit: Permit) -> Self {
        Self { part: None, permit: Some(permit) }
    }

    /// Begins with a transport that a server has refused.
    #[must_use]
    pub fn refused() -> Self {
        Self { part: Some(Box::new(())), permit: None }
    }

    /// Makes one that is [over](Self::is_over).
    #[must_use]
    pub const fn none() -> Self {
        Self { part: None, permit: None }
    }

    /// Whether the connection's end was told, or nobody is to be told.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.part.is_none() && self.permit.is_none()
    }

    /// Whether a decision is waited for: a notice may mean that it is made, and calls for
    /// [`resume`](Self::resume).
    #[inline]
    pub fn is_deciding(&mut self) -> bool {
        self.part.as_mut().is_some_and(|part| part.undecided().is_some())
    }
}

impl Conversation {
    /// Takes everything that happened out of `input` and of the connection, and calls the handler. Returns the
    /// payload of the handler's panic, if it panicked.
    pub fn react<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Arc<Connection<R, D>>,
        handle: &WebSocketConnection,
        now: Duration,
        input: &mut &mut [u8],
    ) -> Option<Panic> {
        let mut panic = None;
        self.resume(connection, now);
        loop {
            let mut held = connection.lock();
            let step = held.link_mut().and_then(|link| link.next(now, input));
            let Some(step) = step else {
                let left = held.follow_redirect();
                drop(held);
                drop(left);
                return panic;
            };
            drop(held);
            panic = panic.or(self.take(connection, handle, now, step));
        }
    }

    /// Does what one thing that happened asks for. Not to be called while the connection is locked. Returns
    /// the payload of the handler's panic, if it panicked.
    pub fn take<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Arc<Connection<R, D>>,
        handle: &WebSocketConnection,
        now: Duration,
        step: Step,
    ) -> Option<Panic> {
        match step {
            Step::Message(message) => self.message(handle, message),
            Step::Other => None,
            Step::Request => {
                self.decide(connection, now);
                None
            }
            Step::Open => self.open(connection, handle),
            Step::Error(Error::Http(response)) if connection.driver().follows(&response) => {
                let left = connection.lock().redial();
                drop(left);
                None
            }
            Step::Error(error) => self.fail(connection, handle, &error),
            Step::Closed(info) => self.finish(connection, handle, info),
        }
    }

    /// Tells the handler that there is room again, if it was told to wait before.
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

    /// Hands a message to the handler. Not to be called while the connection is locked.
    #[inline]
    pub fn message(&mut self, handle: &WebSocketConnection, message: Message) -> Option<Panic> {
        self.call(handle, |handler, ws| handler.on_message(ws, message))
    }

    /// Tells the handler that there is room again. Not to be called while the connection is locked.
    pub fn drained(&mut self, handle: &WebSocketConnection) -> Option<Panic> {
        self.call(handle, ConnectionHandler::on_drained)
    }

    /// Asks the application what to answer.
    fn decide<R: Role, D: Driver<R>>(&mut self, connection: &Arc<Connection<R, D>>, now: Duration) {
        let Some(acceptor) = connection.driver().acceptor() else { return };
        let mut held = connection.lock();
        let request = held.live().ok().and_then(|link| link.endpoint().request().cloned());
        drop(held);
        let Some(request) = request else { return };
        match acceptor.decide(&request) {
            Verdict::Now(decided) => self.answer(connection, now, decided),
            Verdict::Later(mut undecided) => {
                if let Ok(link) = connection.lock().live() {
                    // There is a request, so it can wait.
                    let _ = link.endpoint_mut().postpone();
                }
                let waiting = Arc::clone(connection);
                undecided.notify(Box::new(move || waiting.notify()));
                self.part = Some(Box::new(Deciding(undecided)));
            }
        }
    }

    /// Answers a request whose decision was put off, once it is made.
    pub fn resume<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Arc<Connection<R, D>>,
        now: Duration,
    ) {
        let undecided = self.part.as_mut().and_then(|part| part.undecided());
        if let Some(decided) = undecided.and_then(Undecided::take) {
            self.part = None;
            self.answer(connection, now, decided);
        }
    }

    fn answer<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        now: Duration,
        decided: Decided,
    ) {
        let mut held = connection.lock();
        let answered = held.live().map(|link| answer(link.endpoint_mut(), now, &decided));
        drop(held);
        self.part = decided.into_part();
        match answered {
            Ok(Ok(true)) => {}
            Ok(Err(error)) => {
                let _ = self.drop_part();
                if let Some(acceptor) = connection.driver().acceptor() {
                    acceptor.report(&error);
                }
            }
            Ok(Ok(false)) | Err(_) => drop(self.drop_part()),
        }
    }

    fn open<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
    ) -> Option<Panic> {
        if mem::replace(&mut connection.lock().opened, true) {
            return None;
        }
        debug!("connection {} is open", connection.id());
        if self.permit.as_ref().is_some_and(|permit| !permit.open(handle)) {
            // The server has ended, and calls no handler any more.
            connection.lock().opened = false;
            let _ = self.drop_part();
            handle.abort();
            return None;
        }
        self.call(handle, ConnectionHandler::on_open)
    }

    /// Reports an error: to the handler of the connection, or to that of the server before it is open.
    pub fn fail<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
        error: &Error,
    ) -> Option<Panic> {
        debug!("connection {}: {error}", connection.id());
        let opened = connection.lock().was_opened();
        match connection.driver().acceptor() {
            Some(acceptor) if !opened => {
                acceptor.report(error);
                None
            }
            _ => self.call(handle, |handler, ws| handler.on_error(ws, error)),
        }
    }

    /// Ends a client's connection that never had a transport, or whose transport goes away with the loop.
    pub fn give_up<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
        error: &Error,
    ) -> Option<Panic> {
        connection.lock().give_up();
        let panic = self.fail(connection, handle, error);
        panic.or(self.finish(connection, handle, unknown_end()))
    }

    /// Tells the handler of the end, for the last time; the connection then is one no longer, although its
    /// transport may linger.
    fn finish<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
        info: CloseInfo,
    ) -> Option<Panic> {
        let mut held = connection.lock();
        let opened = mem::take(&mut held.opened);
        if held.is_dialing() {
            // Without a transport, there is no session that says it is closed.
            held.finish(info.clone());
        }
        drop(held);
        if let Some(permit) = self.permit.as_ref().filter(|_| opened) {
            permit.close(handle);
        }
        debug!("connection {} is closed: {}", connection.id(), info.code);
        let panic = self.call(handle, |handler, ws| handler.on_terminate(ws, &info));
        let over = connection.lock().finish(info);
        drop(over);
        let dropped = self.drop_part();
        if let Some(permit) = self.permit.take()
            && opened
        {
            permit.finish();
        }
        panic.or(dropped)
    }

    /// Ends without another call of the handler, because the adapter has ended. `opened` says whether the
    /// handler was told that the connection is open, and not that it is closed.
    pub fn abandon(&mut self, handle: &WebSocketConnection, opened: bool) {
        let _ = self.drop_part();
        if let Some(permit) = self.permit.take()
            && opened
        {
            permit.close(handle);
            permit.finish();
        }
    }

    /// Calls the handler, which may panic, and is not called again then.
    #[inline]
    fn call(
        &mut self,
        handle: &WebSocketConnection,
        call: impl FnOnce(&mut dyn ConnectionHandler, &WebSocketConnection),
    ) -> Option<Panic> {
        let handler = self.part.as_mut().and_then(|part| part.handler())?;
        let panic = panic::catch_unwind(AssertUnwindSafe(|| call(handler, handle))).err()?;
        error!("the handler of connection {} has panicked", handle.id());
        // The peer learns that it was not at fault.
        let sorry = CloseFrame::new(CloseCode::INTERNAL_ERROR, "").ok();
        let _ = handle.close_with(sorry);
        // A second panic, in dropping the handler, adds nothing.
        let _ = self.drop_part();
        Some(panic)
    }

    #[inline]
    fn drop_part(&mut self) -> Option<Panic> {
        let part = self.part.take()?;
        panic::catch_unwind(AssertUnwindSafe(|| drop(part))).err()
    }
}

/// No panic in dropping a handler is the adapter's, not even when it gives everything up.
impl Drop for Conversation {
    fn drop(&mut self) {
        let _ = self.drop_part();
    }
}

/// Answers the request that waits. Returns whether it is accepted; the handler is the decision's, also if it is
/// not needed.
///
/// # Errors
///
/// [`Error::Accept`] if the request cannot be accepted this way; it was then refused with status 500.
pub fn answer<R: Role>(
    endpoint: &mut Endpoint<R>,
    now: Duration,
    decided: &Decided,
) -> Result<bool, Error> {
    let upgrade = endpoint.request().is_some_and(Request::is_upgrade);
    let given = match decided {
        Decided::Respond(response) => endpoint.respond(response, now).map(|()| false),
        Decided::Accept(accept, _) if upgrade => endpoint.accept(accept, now).map(|()| true),
        Decided::Accept(..) | Decided::Decline => endpoint.decline(now).map(|()| false),
    };
    given.or_else(|error| {
        endpoint.respond(&super::acceptor::internal_error(), now)?;
        Err(error.into())
    })
}
