//! Waiting for room.

use std::sync::Arc;
use std::time::Duration;

use crate::tasks::{Tasks, Waiter};

/// A wait until a message may be sent. It ends if the peer reads nothing for too long. The connection's task has the
/// timer for that, so the wait can be polled in any runtime, and outside of one.
pub(crate) struct RoomWait {
    pub(crate) waiter: Waiter,
    /// How many bytes were written when the peer last read, and when that was.
    last_read: Option<(u64, Duration)>,
}

impl RoomWait {
    pub(crate) fn new(tasks: &Arc<Tasks>) -> Self {
        Self { waiter: Waiter::new(tasks), last_read: None }
    }

    /// Returns when the wait ends. `written` bytes were written until `now`.
    pub(crate) fn end(&mut self, written: u64, limit: Option<Duration>, now: Duration) -> Duration {
        let (before, since) = self.last_read.get_or_insert((written, now));
        if *before != written {
            (*before, *since) = (written, now);
        }
        limit.map_or(Duration::MAX, |limit| since.saturating_add(limit))
    }
}
