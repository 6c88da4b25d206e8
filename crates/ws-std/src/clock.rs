//! The time of all connections, and how long a call may wait.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Returns the time since this process first asked.
pub(crate) fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// The end of a wait, which may have several parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    until: Option<Duration>,
    waited: bool,
}

impl Patience {
    /// Waits that long from now on; `None` is as long as it takes.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { until: limit.map(|limit| now().saturating_add(limit)), waited: false }
    }

    /// Returns how long it is to the end of it.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_sub(now()))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left() == Some(Duration::ZERO)
    }

    /// Begins a part of the wait. Returns whether it may begin: the first always may, so that a caller
    /// without patience gets what is there already.
    pub(crate) fn begin_part(&mut self) -> bool {
        !std::mem::replace(&mut self.waited, true) || !self.is_over()
    }
}
