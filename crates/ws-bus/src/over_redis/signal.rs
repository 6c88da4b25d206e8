//! How the methods of a member wake its thread that publishes.

use std::mem;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::member::Wake;

#[derive(Debug, Default)]
pub(super) struct Signal {
    pending: Mutex<Pending>,
    changed: Condvar,
}

/// The reasons to wake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) messages: bool,
    pub(super) topics: bool,
    closed: bool,
}

impl Signal {
    /// Waits for a reason to wake, for at most this time.
    pub(super) fn wait(&self, timeout: Duration) -> Pending {
        let until = Instant::now() + timeout;
        let mut pending = self.pending.lock();
        while *pending == Pending::default()
            && !self.changed.wait_until(&mut pending, until).timed_out()
        {}
        let closed = pending.closed;
        mem::replace(&mut *pending, Pending { closed, ..Pending::default() })
    }

    /// Waits for this time, or until the member is closed.
    pub(super) fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut pending = self.pending.lock();
        while !pending.closed && !self.changed.wait_until(&mut pending, until).timed_out() {}
    }

    fn tell(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut self.pending.lock());
        // Both threads may sleep.
        self.changed.notify_all();
    }
}

impl Wake for Signal {
    fn messages(&self) {
        self.tell(|pending| pending.messages = true);
    }

    fn topics(&self) {
        self.tell(|pending| pending.topics = true);
    }

    fn closed(&self) {
        self.tell(|pending| pending.closed = true);
    }
}
