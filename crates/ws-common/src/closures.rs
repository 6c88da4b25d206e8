//! Closures as handlers, whose parameters the compiler infers.

use std::fmt;

use crate::{ConnectionHandler, Message, MessageRef, WebSocketConnection};

/// Returns a closure unchanged, as a handler whose parameters the compiler infers.
///
/// ```
/// use ws_common::{Decision, handler};
///
/// # fn run(_: impl ws_common::ServerHandler) {}
/// // `run` stands for `WebSocketServer::run`.
/// run(|_: &_, _: &_| {
///     Decision::accept(handler(|ws, message| {
///         let _ = ws.send(message); // fails if the peer is gone
///     }))
/// });
/// ```
pub const fn handler<F>(on_message: F) -> F
where
    F: FnMut(&WebSocketConnection, Message) + Send + 'static,
{
    on_message
}

/// Returns a handler that calls a closure for each message, and copies none: see
/// [`ConnectionHandler::on_message_ref`].
///
/// ```
/// use ws_common::{Decision, borrowing};
///
/// # fn run(_: impl ws_common::ServerHandler) {}
/// // `run` stands for `WebSocketServer::run`.
/// run(|_: &_, _: &_| {
///     Decision::accept(borrowing(|ws, message| {
///         let words = message.as_text().map_or(0, |text| text.split_whitespace().count());
///         let _ = ws.send_text(&words.to_string()); // fails if the peer is gone
///     }))
/// });
/// ```
pub const fn borrowing<F>(on_message: F) -> Borrowing<F>
where
    F: FnMut(&WebSocketConnection, MessageRef<'_>) + Send + 'static,
{
    Borrowing(on_message)
}

/// A closure that borrows messages, as a handler; see [`borrowing`].
#[derive(Clone, Copy)]
pub struct Borrowing<F>(F);

impl<F> ConnectionHandler for Borrowing<F>
where
    F: FnMut(&WebSocketConnection, MessageRef<'_>) + Send + 'static,
{
    fn borrows(&self) -> bool {
        true
    }

    fn on_message_ref(&mut self, ws: &WebSocketConnection, message: MessageRef<'_>) {
        self.0(ws, message);
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        self.0(ws, message.as_ref());
    }
}

impl<F> fmt::Debug for Borrowing<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Borrowing")
    }
}
