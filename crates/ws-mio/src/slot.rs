//! The table of a loop's connections.

use std::sync::Arc;
use std::time::Duration;

use mio::Registry;
use mio::event::Event;
use ws_common::adapter::{ConnectionLink, Conversation};
use wsproto::Outbox;

use crate::deadlines::Armed;

/// The things that all turns of a loop use.
pub(crate) struct LoopContext {
    pub(crate) now: Duration,
    pub(crate) input: Box<[u8]>,
    /// `None` while a connection has it.
    pub(crate) outbox: Option<Box<Outbox>>,
    pub(crate) registry: Registry,
    /// How many transports linger after the end of their connections.
    pub(crate) lingering: usize,
}

/// Why a connection has a turn.
#[derive(Clone, Copy)]
pub(crate) enum Cause<'a> {
    /// Its stream is ready.
    Ready(&'a Event),
    /// It has more to do.
    Queued,
    /// Another thread, or a callback, has changed it; or its deadline has passed.
    Other,
}

/// The outcome of a turn.
pub(crate) struct TurnOutcome {
    pub(crate) deadline: Option<Duration>,
    /// Whether there is more to do before the loop waits.
    pub(crate) queue: bool,
    /// Whether the connection and its transport are gone.
    pub(crate) finished: bool,
}

/// A connection of a loop, whichever end it is.
pub(crate) trait DynConnection: ConnectionLink {
    /// Does everything there is to do.
    fn turn(
        self: Arc<Self>,
        context: &mut LoopContext,
        conversation: &mut Conversation,
        cause: Cause<'_>,
    ) -> TurnOutcome;

    /// Whether its handler was told that it is open, and not that it is closed.
    fn is_open(&self) -> bool;

    /// Notes where the loop finds it.
    fn settle(&self, key: usize);

    /// Ends it, because its loop has; handles that are kept keep no descriptor. Returns whether its handler
    /// was told that it is open, and not that it is closed.
    fn abandon(&self) -> bool;
}

/// A connection, and what only its loop uses.
pub(crate) struct Slot {
    pub(crate) connection: Arc<dyn DynConnection>,
    /// Not here during the connection's turn.
    pub(crate) conversation: Conversation,
    pub(crate) armed: Armed,
}

#[cfg(test)]
mod tests {
    use ws_common::adapter::Connection;
    use wsproto::Server;

    use super::*;
    use crate::origin::Accepted;

    /// With the two counts of an `Arc`, and what an allocator adds, 256 bytes: `tests/idle.rs`.
    #[test]
    fn an_idle_connection_is_small() {
        assert_eq!(size_of::<Conversation>(), 24);
        assert_eq!(size_of::<Slot>(), 48);
        // In debug builds, a socket of mio's remembers its `Poll`.
        let debug = if cfg!(debug_assertions) { 8 } else { 0 };
        assert_eq!(size_of::<Connection<Server, Accepted>>(), 184 + debug);
    }
}
