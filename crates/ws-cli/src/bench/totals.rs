//! Counts of messages and connections, and latencies.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest latency that is told from longer ones: an hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// How many kinds of failures are told apart.
const MOST_KINDS: usize = 16;

/// Latencies, in microseconds to three digits; of a fixed size.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(super) fn new() -> Self {
        match Histogram::new_with_bounds(1, LONGEST, 3) {
            Ok(histogram) => Self(histogram),
            Err(error) => unreachable!("the bounds are valid: {error}"),
        }
    }

    pub(super) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST).max(1));
    }

    /// Moves the latencies of `other` here.
    pub(super) fn take(&mut self, other: &mut Self) {
        // Fails only for values beyond the bounds, which both share.
        let _ = self.0.add(&other.0);
        other.0.reset();
    }

    /// Returns how many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the latency that this part of all is within, in microseconds.
    pub(super) fn quantile(&self, part: f64) -> u64 {
        self.0.value_at_quantile(part)
    }

    /// Returns the longest, in microseconds.
    pub(super) fn max(&self) -> u64 {
        self.0.max()
    }
}

/// Counts of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) answered: u64,
    /// Messages that are not the echo of the next message.
    pub(super) other: u64,
}

impl Counts {
    /// Returns the difference from `earlier` counts.
    pub(super) const fn since(self, earlier: Self) -> Self {
        Self {
            sent: self.sent - earlier.sent,
            answered: self.answered - earlier.answered,
            other: self.other - earlier.other,
        }
    }
}

/// Reasons, and how often each was given.
#[derive(Clone, Debug, Default)]
pub(super) struct Reasons(BTreeMap<String, u64>);

impl Reasons {
    pub(super) fn add(&mut self, reason: String) {
        let known = self.0.len() < MOST_KINDS || self.0.contains_key(&reason);
        let reason = if known { reason } else { "other reasons".into() };
        *self.0.entry(reason).or_default() += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.0.values().sum()
    }

    pub(super) const fn all(&self) -> &BTreeMap<String, u64> {
        &self.0
    }
}

/// Everything that the connections have in common.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) counts: Counts,
    /// The latencies since they were last taken.
    pub(super) latencies: Latencies,
    pub(super) opened: u64,
    /// Messages that were due, and could not be sent because the server did not read.
    pub(super) unsent: u64,
    /// Connections that did not open.
    pub(super) failed: Reasons,
    /// Connections that ended before they were asked to.
    pub(super) lost: Reasons,
}

impl Totals {
    pub(super) fn new() -> Self {
        Self {
            counts: Counts::default(),
            latencies: Latencies::new(),
            opened: 0,
            unsent: 0,
            failed: Reasons::default(),
            lost: Reasons::default(),
        }
    }

    /// Returns how many messages have no answer, those of lost connections included.
    pub(super) const fn unanswered(&self) -> u64 {
        self.counts.sent - self.counts.answered
    }

    /// Returns how many connections have opened or failed.
    pub(super) fn begun(&self) -> u64 {
        self.opened + self.failed.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_three_digits_and_are_moved() {
        let (mut all, mut latest) = (Latencies::new(), Latencies::new());
        for millis in 1..=1000 {
            latest.record(Duration::from_millis(millis));
        }
        all.take(&mut latest);
        assert_eq!((all.count(), latest.count()), (1000, 0));
        let close = |micros: u64, expected: u64| micros.abs_diff(expected) * 1000 <= expected;
        assert!(close(all.quantile(0.5), 500_000), "{}", all.quantile(0.5));
        assert!(close(all.quantile(0.99), 990_000), "{}", all.quantile(0.99));
        assert!(close(all.max(), 1_000_000), "{}", all.max());
        all.record(Duration::MAX);
        all.record(Duration::ZERO);
        assert_eq!((all.quantile(0.0), all.count()), (1, 1002));
    }

    #[test]
    fn reasons_are_bounded() {
        let mut reasons = Reasons::default();
        (0..1000).for_each(|number| reasons.add(number.to_string()));
        assert_eq!((reasons.count(), reasons.all().len()), (1000, MOST_KINDS + 1));
        reasons.add("3".into());
        assert_eq!(reasons.all()["3"], 2);
    }
}
