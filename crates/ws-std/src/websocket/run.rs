//! A connection with a handler.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ws_common::ConnectionHandler;
use ws_common::adapter::{Conversation, unknown_end};
use wsproto::{CloseInfo, Role};

use super::receive::{Waited, linger};
use crate::WebSocket;
use crate::calls::Calls;
use crate::clock::{CallTimeout, now};

/// How long a connection with a handler waits before it retries a stream that is non-blocking or timed out.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl<R: Role> WebSocket<R> {
    /// Calls a handler in this thread until the connection is closed, and returns how it ended. The handler
    /// type also fits a server's connections. To send from elsewhere, take a [`handle`](Self::handle) first,
    /// or in [`on_open`](ConnectionHandler::on_open). A send by a client's handler never waits: without
    /// room, it fails with [`Error::WouldExceed`](crate::Error::WouldExceed), and
    /// [`on_drained`](ConnectionHandler::on_drained) follows, which another thread may call while this one
    /// waits for input.
    ///
    /// ```no_run
    /// use ws_std::{Message, WebSocketConnection, connect};
    ///
    /// let ws = connect("ws://127.0.0.1:9001/")?;
    /// ws.handle().send("Hello")?;
    /// let info = ws.run(|ws: &WebSocketConnection, message: Message| {
    ///     println!("{message:?}");
    ///     // Fails if the connection has closed.
    ///     let _ = ws.close(None);
    /// });
    /// println!("{info:?}");
    /// # Ok::<(), ws_std::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the handler panics. The connection is closed with 1011 first.
    pub fn run(mut self, handler: impl ConnectionHandler) -> CloseInfo {
        let calls = Calls::new(Conversation::client(handler));
        self.connection.driver().set_calls(&calls);
        calls.with(|conversation| conversation.open(&self.connection, &self.handle));
        self.carry(&calls);
        if let Some(panic) = calls.take_panic() {
            panic.resume();
        }
        let info = self.close_info.take().or_else(|| self.handle.close_info());
        info.unwrap_or_else(unknown_end)
    }

    /// Runs a connection with a handler until it is over.
    pub(crate) fn carry(&mut self, calls: &Arc<Calls>) {
        self.connection.driver().set_calls(calls);
        loop {
            // Read before `react`: a decision made between `react` and `wait` changes the count.
            let seen = self.connection.driver().signal().seen();
            self.react(calls);
            self.flush_now();
            calls.with(|conversation| conversation.tell_drained(&self.connection, &self.handle));
            calls.with(|conversation| {
                conversation.call_timers(&self.connection, &self.handle, now())
            });
            if self.connection.lock().is_over() {
                break;
            }
            let waited = self.wait(seen, &mut CallTimeout::new(None));
            if let Some(error) = self.failed.take() {
                calls
                    .with(|conversation| conversation.fail(&self.connection, &self.handle, &error));
            }
            match waited {
                Ok(Waited::Again) => {}
                // The session reports its end; pass it to the handler.
                Ok(Waited::Over) => {
                    self.input.clear();
                    self.react(calls);
                    if !self.connection.lock().is_over() {
                        calls.with(|conversation| conversation.end(&self.connection, &self.handle));
                    }
                }
                // A timeout of the stream's own, or a non-blocking stream: not an end.
                Err(_) => thread::sleep(LOOK_AGAIN),
            }
        }
        linger(&self.connection);
    }

    /// Passes the unconsumed input, and the events that need none, to the handler.
    fn react(&mut self, calls: &Calls) {
        calls.with(|conversation| {
            self.input
                .with(|input| conversation.react(&self.connection, &self.handle, now(), input))
        });
    }
}
