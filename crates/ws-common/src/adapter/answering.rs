//! The thread that answers a message. What it sends counts as a reply; what other threads send does not.

use std::cell::Cell;

use crate::ConnectionId;

thread_local! {
    /// The connection whose `on_message` this thread runs.
    static ANSWERING: Cell<Option<ConnectionId>> = const { Cell::new(None) };
}

/// Runs `on_message` of a connection. `call` does not unwind.
#[inline]
pub(super) fn answering<T>(id: ConnectionId, call: impl FnOnce() -> T) -> T {
    ANSWERING.set(Some(id));
    let result = call();
    ANSWERING.set(None);
    result
}

/// Returns whether this thread runs `on_message` of the connection.
#[inline]
pub(super) fn is_answering(id: ConnectionId) -> bool {
    ANSWERING.get() == Some(id)
}
