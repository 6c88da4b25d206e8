//! The clock of the network in memory, and the bell that wakes its threads.

use std::io::{self, ErrorKind};
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::lock;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the time of the network's clock.
#[must_use]
pub(in crate::adapters) fn now() -> Duration {
    START.elapsed()
}

/// Converts an instant to the network's clock.
#[must_use]
pub(in crate::adapters) fn time_of(moment: Instant) -> Duration {
    moment.saturating_duration_since(*START)
}

/// Wakes a thread that waits for any of several events. No wake-up is lost: rings are counted, and the count
/// is compared under the mutex.
#[derive(Debug, Default)]
pub struct Bell {
    count: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    /// Counts a ring, and wakes the waiting threads.
    pub fn ring(&self) {
        let mut count = lock(&self.count);
        *count += 1;
        self.rung.notify_all();
    }

    /// Waits until the count differs from `heard`, or until the time `until`. Returns the count. A thread that
    /// checks all events after each wait misses none.
    pub fn wait(&self, heard: u64, until: Option<Duration>) -> u64 {
        let mut count = lock(&self.count);
        while *count == heard {
            count = match until.map(|until| until.saturating_sub(now())) {
                None => self.rung.wait(count).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break,
                Some(left) => {
                    self.rung.wait_timeout(count, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        *count
    }

    /// Repeats `attempt` after each ring while it would block.
    pub(super) fn retry<T>(
        &self,
        limit: Option<Duration>,
        mut attempt: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let until = limit.map(|limit| now().saturating_add(limit));
        let mut heard = 0;
        loop {
            heard = self.wait(heard, Some(Duration::ZERO));
            match attempt() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            if until.is_some_and(|until| until <= now()) {
                return Err(ErrorKind::TimedOut.into());
            }
            self.wait(heard, until);
        }
    }
}
