//! An entry of a loop's table of connections, and the interface to its turn.

use std::sync::Arc;
use std::time::Duration;

use mio::Registry;
use mio::event::Event;
use ws_common::adapter::{ConnectionLink, Conversation, TurnContext};

use crate::deadlines::Armed;

/// The state that all turns of a loop share.
pub(crate) struct LoopContext {
    pub(crate) turn: TurnContext,
    pub(crate) registry: Registry,
}

/// The reason for a turn.
#[derive(Clone, Copy)]
pub(crate) enum Cause<'a> {
    /// A readiness event of its socket.
    Ready(&'a Event),
    /// Its previous turn left work to do.
    Queued,
    /// Another thread or a callback has changed the connection, or its deadline has passed.
    Other,
}

/// The outcome of a turn.
pub(crate) struct TurnOutcome {
    pub(crate) deadline: Option<Duration>,
    /// Whether the connection needs another turn before the loop waits.
    pub(crate) queue: bool,
    /// Whether the connection has closed and its socket is dropped.
    pub(crate) finished: bool,
}

/// A connection of a loop, as server or client.
pub(crate) trait DynConnection: ConnectionLink {
    fn turn(
        self: Arc<Self>,
        context: &mut LoopContext,
        conversation: &mut Conversation,
        cause: Cause<'_>,
    ) -> TurnOutcome;

    /// Returns whether the handler's `on_open` was called, and `on_terminate` was not.
    fn is_open(&self) -> bool;

    /// Sets the connection's key in the table.
    fn set_key(&self, key: usize);

    /// Ends the connection because its loop has ended, and closes its socket even if handles remain.
    /// Returns [`is_open`](Self::is_open) as it was before.
    fn abandon(&self) -> bool;
}

/// A connection, and the state that only its loop uses.
pub(crate) struct Slot {
    pub(crate) connection: Arc<dyn DynConnection>,
    /// Moved out during the connection's turn.
    pub(crate) conversation: Conversation,
    pub(crate) armed: Armed,
}

#[cfg(test)]
mod tests {
    use ws_common::adapter::Connection;
    use wsproto::Server;

    use super::*;
    use crate::origin::Accepted;

    /// Together with the counts of an `Arc` and the overhead of the allocator: 256 bytes, see
    /// `tests/idle.rs`.
    #[test]
    fn an_idle_connection_is_small() {
        assert_eq!(size_of::<Conversation>(), 24);
        assert_eq!(size_of::<Slot>(), 48);
        // In debug builds, a socket of mio stores the id of its `Poll`.
        let debug = if cfg!(debug_assertions) { 8 } else { 0 };
        // A pointer to the agreed parameters, in each half of the engine's connection.
        let deflate = if cfg!(feature = "deflate") { 16 } else { 0 };
        assert_eq!(size_of::<Connection<Server, Accepted>>(), 184 + debug + deflate);
    }
}
