//! Errors, and the last call of a connection's handler.

use std::mem;

use wsproto::{CloseInfo, Role};

use super::Conversation;
use crate::adapter::panics::{Panic, run_guarded};
use crate::adapter::{Connection, ConnectionLink, Driver, unknown_end};
use crate::{ConnectionHandler, Error, WebSocketConnection};

impl Conversation {
    /// Reports an error to the handler of the connection, or to the server's handler if a server's connection
    /// has not opened.
    pub fn fail<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
        error: &Error,
    ) -> Option<Panic> {
        connection.log_failure(error);
        let opened = connection.lock().was_opened();
        match connection.driver().acceptor() {
            Some(acceptor) if !opened => {
                acceptor.report(connection.peer_addr(), error);
                None
            }
            _ => self.call(handle, |handler, ws| handler.on_error(ws, error)),
        }
    }

    /// Ends a connection whose session has no end to report: its transport is gone.
    pub fn end<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
    ) -> Option<Panic> {
        self.finish(connection, handle, unknown_end())
    }

    /// Ends a client's connection that gets no transport: calls `on_error`, then `on_terminate`. The
    /// connection must not be locked. Returns the payload of the handler's panic, if it panicked.
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

    /// Makes the handler's last call, and ends the connection. Its transport may linger.
    pub(super) fn finish<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
        info: CloseInfo,
    ) -> Option<Panic> {
        let mut held = connection.lock();
        let opened = mem::take(&mut held.opened);
        if held.is_dialing() {
            // Without a transport, no session reports the state: end it before the handler's last call.
            held.finish(info.clone());
        }
        drop(held);
        if let Some(permit) = self.permit.as_ref().filter(|_| opened) {
            permit.close(handle);
        }
        connection.log_end(opened, &info);
        let panic = self.call(handle, |handler, ws| handler.on_terminate(ws, &info));
        let over = connection.lock().finish(info);
        drop(over);
        let dropped = self.drop_handler();
        if let Some(permit) = self.permit.take()
            && opened
        {
            permit.finish();
        }
        panic.or(dropped)
    }

    /// Calls a handler for a connection that was closed before the handler was set: its last call is the only one.
    pub fn only_end(
        mut handler: impl ConnectionHandler,
        handle: &WebSocketConnection,
        info: &CloseInfo,
    ) {
        run_guarded(|| handler.on_terminate(handle, info));
        run_guarded(|| drop(handler));
    }

    /// Ends without another call of the handler, because the adapter has ended. `opened` is
    /// [`ConnectionState::was_opened`](crate::adapter::ConnectionState::was_opened) before the connection was abandoned.
    pub fn abandon(&mut self, handle: &WebSocketConnection, opened: bool) {
        let _ = self.drop_handler();
        if let Some(permit) = self.permit.take()
            && opened
        {
            permit.close(handle);
            permit.finish();
        }
    }
}
