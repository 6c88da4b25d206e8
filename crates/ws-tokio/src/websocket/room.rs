//! Waiting for room.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::owned::Owned;
use crate::tasks::Waiter;

/// A wait until a message may be sent. It ends if the peer reads nothing for too long.
pub(super) struct RoomWait {
    waiter: Waiter,
    limit: Option<Duration>,
    alarm: Alarm,
    /// How many bytes were written when the peer last read.
    written: u64,
    since: Instant,
}

impl RoomWait {
    pub(super) fn new(connection: &dyn Owned) -> Self {
        Self {
            waiter: Waiter::new(connection.tasks()),
            limit: connection.write_timeout(),
            alarm: Alarm::default(),
            written: connection.written(),
            since: Instant::now(),
        }
    }

    /// Returns true once a message may be sent, or will fail; false once the peer has read nothing for too long.
    pub(super) fn poll(&mut self, connection: &dyn Owned, context: &mut Context<'_>) -> Poll<bool> {
        if connection.has_room(&mut self.waiter, context) {
            return Poll::Ready(true);
        }
        let written = connection.written();
        if written != self.written {
            (self.written, self.since) = (written, Instant::now());
        }
        let due = self.limit.and_then(|limit| self.since.checked_add(limit));
        match self.alarm.poll(context, due) {
            true => Poll::Ready(false),
            false => Poll::Pending,
        }
    }
}
