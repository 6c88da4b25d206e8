//! Connections whose events the application takes itself, as asynchronous code does.

use std::thread;

use wsproto::{CloseCode, CloseFrame, ReadyState, Role};

use super::Conversation;
use crate::WebSocketConnection;
use crate::adapter::{Connection, Driver, DynHandler, Panic};

impl Conversation {
    /// Sets the handler of an open connection whose events the application has taken itself until now, and calls
    /// `on_open`. The connection must not be locked. Returns the payload of the handler's panic, if it
    /// panicked.
    pub fn hand_over<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
        handler: Box<dyn DynHandler>,
    ) -> Option<Panic> {
        connection.lock().set_owned(false);
        self.handler = Some(handler);
        self.begin(connection, handle)
    }

    /// Ends the ownership of an application that has taken the events itself: closes an open connection with code
    /// 1001, or 1011 if the thread is panicking, and aborts one whose opening handshake is in progress. The adapter
    /// then continues with turns. The connection must not be locked.
    pub fn leave<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        handle: &WebSocketConnection,
    ) {
        connection.lock().set_owned(false);
        match handle.ready_state() {
            ReadyState::Connecting => handle.abort(),
            ReadyState::Open => {
                // An endpoint is going away, or has met an unexpected condition (RFC 6455 section 7.4.1).
                let code = match thread::panicking() {
                    false => CloseCode::GOING_AWAY,
                    true => CloseCode::INTERNAL_ERROR,
                };
                let goodbye = CloseFrame::new(code, "").ok();
                // Fails if the connection is closed.
                let _ = handle.close_with(goodbye);
            }
            // A Close or a response is on its way.
            ReadyState::Closing | ReadyState::Closed => {}
        }
    }
}
