//! Wakes threads that wait for changes other than input.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts changes. No wake-up is lost: a waiter reads the count before it looks at the connection, and
/// [`wait`](Self::wait) compares it under the mutex that [`notify`](Self::notify) takes. A change after the
/// look is therefore seen by the comparison, or notifies a thread that already waits.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Signal {
    /// Returns the count, for [`wait`](Self::wait). Read it before looking at the connection.
    pub(crate) fn seen(&self) -> u64 {
        *self.lock()
    }

    /// Waits until the count differs from `seen` or `limit` has passed; may return early.
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

    /// Counts a change and wakes all waiters. Call it after the change.
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
