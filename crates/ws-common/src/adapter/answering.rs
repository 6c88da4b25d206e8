//! The thread that answers a message: its messages count as replies, those of other threads do not.

use std::cell::Cell;

use crate::ConnectionId;

thread_local! {
    /// The connection whose `on_message` this thread runs.
    static ANSWERING: Cell<ConnectionId> = const { Cell::new(ConnectionId::NONE) };
}

/// Runs `on_message` of a connection. `call` does not unwind.
#[inline]
pub(super) fn answering<T>(id: ConnectionId, call: impl FnOnce() -> T) -> T {
    let outer = ANSWERING.replace(id);
    let result = call();
    ANSWERING.replace(outer);
    result
}

/// Returns whether this thread runs `on_message` of the connection.
#[inline]
pub(super) fn is_answering(id: ConnectionId) -> bool {
    ANSWERING.get() == id
}
