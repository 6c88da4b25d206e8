//! Wakes threads that wait for changes other than input.

use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

/// Counts changes. No wake-up is lost: a waiter reads the count before it looks at the connection, and
/// [`wait`](Self::wait) compares it under the mutex that [`notify`](Self::notify) takes. A change after the
/// look is therefore seen by the comparison, or notifies a thread that already waits.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    /// How many threads wait: without one, notifying needs no system call.
    waiters: usize,
}

impl Signal {
    /// Returns the count, for [`wait`](Self::wait). Read it before looking at the connection.
    pub(crate) fn seen(&self) -> u64 {
        self.lock().count
    }

    /// Waits until the count differs from `seen` or `limit` has passed; may return early.
    pub(crate) fn wait(&self, seen: u64, limit: Option<Duration>) {
        let mut state = self.lock();
        if state.count != seen {
            return;
        }
        state.waiters += 1;
        match limit {
            Some(limit) => drop(self.changed.wait_for(&mut state, limit)),
            None => self.changed.wait(&mut state),
        }
        state.waiters -= 1;
    }

    /// Counts a change and wakes all waiters. Call it after the change.
    pub(crate) fn notify(&self) {
        let mut state = self.lock();
        state.count = state.count.wrapping_add(1);
        let is_awaited = state.waiters > 0;
        drop(state);
        if is_awaited {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}
