//! How long a call may wait.

use std::time::{Duration, Instant};

/// How long a call blocks that should not block: the least there is.
pub(crate) const HARDLY: Duration = Duration::from_millis(1);

/// How long somebody waits, from the moment this is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Option<(Duration, Instant)>);

impl Patience {
    /// Waits that long; `None` is as long as it takes.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self(limit.map(|limit| (limit, Instant::now())))
    }

    /// How long it is to the end of it.
    pub(crate) fn left(self) -> Option<Duration> {
        self.0.map(|(limit, since)| limit.saturating_sub(since.elapsed()))
    }

    pub(crate) fn is_over(self) -> bool {
        self.left() == Some(Duration::ZERO)
    }

    /// How long a call to the operating system may wait, which cannot be told not to wait at all.
    /// Little of it having gone by, it is the whole, because to tell a new limit is a call of its own.
    pub(crate) fn for_call(self) -> Option<Duration> {
        let (limit, left) = (self.0?.0, self.left()?);
        let nearly_all = left >= limit - limit / 8;
        Some(if nearly_all { limit } else { left }.max(HARDLY))
    }
}
