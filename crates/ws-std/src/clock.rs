//! The time of all connections, and how long a call may wait.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Returns the time since this process first asked.
pub(crate) fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// The end of a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Option<Duration>);

impl Patience {
    /// Waits that long from now on; `None` is as long as it takes.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self(limit.map(|limit| now().saturating_add(limit)))
    }

    /// Returns how long it is to the end of it.
    pub(crate) fn left(self) -> Option<Duration> {
        self.0.map(|until| until.saturating_sub(now()))
    }

    pub(crate) fn is_over(self) -> bool {
        self.left() == Some(Duration::ZERO)
    }
}
