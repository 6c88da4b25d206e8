//! The clock of all connections, and the time limit of a call.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Returns the time since the first call in this process.
pub(crate) fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// The time limit of a call that may wait several times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallTimeout {
    until: Option<Duration>,
    waited: bool,
}

impl CallTimeout {
    /// Starts the limit now; `None` means no limit.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { until: limit.map(|limit| now().saturating_add(limit)), waited: false }
    }

    /// Returns the time left; `None` without a limit.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_sub(now()))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left() == Some(Duration::ZERO)
    }

    /// Returns whether the call may wait once more. The first wait is always allowed, so that a caller with
    /// a limit of zero gets input that has already arrived.
    pub(crate) fn may_wait(&mut self) -> bool {
        !std::mem::replace(&mut self.waited, true) || !self.is_over()
    }
}
