//! Times as stored in a session.

use core::time::Duration;

/// A time since the caller's epoch, in nanoseconds: half the size of a [`Duration`], and sufficient
/// for 584 years. Later times saturate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nanos(u64);

impl Nanos {
    pub(super) fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(Self::from(duration).0))
    }

    pub(super) fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(Self::from(duration).0))
    }

    /// Returns how many whole periods have passed since `then`.
    pub(super) fn periods_since(self, then: Self, period: Duration) -> u32 {
        let passed = self.0.saturating_sub(then.0);
        let periods = passed.checked_div(Self::from(period).0).unwrap_or(0);
        u32::try_from(periods).unwrap_or(u32::MAX)
    }
}

impl From<Duration> for Nanos {
    #[inline]
    fn from(time: Duration) -> Self {
        let nanos = time.as_secs().saturating_mul(1_000_000_000);
        Self(nanos.saturating_add(time.subsec_nanos().into()))
    }
}

impl From<Nanos> for Duration {
    fn from(Nanos(nanos): Nanos) -> Self {
        if nanos == u64::MAX { Self::MAX } else { Self::from_nanos(nanos) }
    }
}
