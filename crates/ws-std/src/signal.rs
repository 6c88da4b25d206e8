//! Wakes threads that wait for something other than input.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts changes, so that none is missed between a look and the wait for the next.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Signal {
    /// Returns a mark for [`wait`](Self::wait). Take it first, and look at the connection then.
    pub(crate) fn seen(&self) -> u64 {
        *self.lock()
    }

    /// Waits until something has changed since `seen`, or the time has passed.
    pub(crate) fn wait(&self, seen: u64, limit: Option<Duration>) {
        let count = self.lock();
        if *count != seen {
            return;
        }
        match limit {
            Some(limit) => drop(self.changed.wait_timeout(count, limit)),
            None => drop(self.changed.wait(count)),
        }
    }

    /// Tells that something has changed.
    pub(crate) fn notify(&self) {
        let mut count = self.lock();
        *count = count.wrapping_add(1);
        drop(count);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
