//! How the methods of a member wake its thread that publishes.

use std::mem;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::member::Wake;

#[derive(Debug, Default)]
pub(super) struct Signal {
    told: Mutex<Told>,
    changed: Condvar,
}

/// The work that was signalled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) messages: bool,
    pub(super) topics: bool,
    closed: bool,
}

impl Signal {
    /// Waits for something to do, at most for this time.
    pub(super) fn wait(&self, most: Duration) -> Told {
        let until = Instant::now() + most;
        let mut told = self.told.lock();
        while *told == Told::default() && !self.changed.wait_until(&mut told, until).timed_out() {}
        let closed = told.closed;
        mem::replace(&mut *told, Told { closed, ..Told::default() })
    }

    /// Waits for this time, or until the member is closed.
    pub(super) fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut told = self.told.lock();
        while !told.closed && !self.changed.wait_until(&mut told, until).timed_out() {}
    }

    fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock());
        // Both threads may sleep.
        self.changed.notify_all();
    }
}

impl Wake for Signal {
    fn messages(&self) {
        self.tell(|told| told.messages = true);
    }

    fn topics(&self) {
        self.tell(|told| told.topics = true);
    }

    fn closed(&self) {
        self.tell(|told| told.closed = true);
    }
}
