//! Connections whose events the application takes itself, as asynchronous code does.

use wsproto::{CloseCode, CloseFrame, Role};

use super::Conversation;
use crate::adapter::{Connection, Driver, Panic};
use crate::{ConnectionHandler, WebSocketConnection};

impl Conversation {
    /// Sets the handler of an open connection whose events the application has taken itself until now, and calls
    /// `on_open`. The connection must not be locked. Returns the payload of the handler's panic, if it
    /// panicked.
    pub fn hand_over<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
        handler: impl ConnectionHandler,
    ) -> Option<Panic> {
        connection.lock().set_owned(false);
        self.handler = Some(Box::new(handler));
        self.call(handle, ConnectionHandler::on_open)
    }

    /// The application, which has taken the events itself, takes no more: closes an open connection with code
    /// 1001, and aborts one that has not opened. The adapter then continues with turns. The connection must not
    /// be locked.
    pub fn leave<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
    ) {
        let mut held = connection.lock();
        held.set_owned(false);
        let opened = held.was_opened();
        drop(held);
        // 1001: an endpoint is going away (RFC 6455 section 7.4.1).
        match CloseFrame::new(CloseCode::GOING_AWAY, "").ok().filter(|_| opened) {
            // Fails if the connection is closed.
            Some(goodbye) => drop(handle.close_with(goodbye)),
            None => handle.abort(),
        }
    }
}
