//! Topics whose last subscriber has left, and which stay subscribed at the bus for a while: a client that
//! connects again needs no new subscription.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The maximum number of lingering topics, which clients may cause by subscribing and leaving.
const MAX_TOPICS: usize = 65_536;

/// The longest time that a topic lingers, so that its end can be expressed.
const MAX_LINGER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Lingering topics, by time and by name.
#[derive(Debug, Default)]
pub(crate) struct Lingering {
    order: BTreeSet<(Instant, Arc<str>)>,
    ends: BTreeMap<Arc<str>, Instant>,
}

impl Lingering {
    /// Adds a topic that ends at `now` plus `linger`. If there are too many, returns the one that ends first: it must
    /// end now.
    pub(crate) fn add(
        &mut self,
        topic: Arc<str>,
        now: Instant,
        linger: Duration,
    ) -> Option<Arc<str>> {
        let end = now.checked_add(linger.min(MAX_LINGER)).unwrap_or(now);
        self.order.insert((end, Arc::clone(&topic)));
        self.ends.insert(topic, end);
        (self.order.len() > MAX_TOPICS).then(|| self.take_first()).flatten()
    }

    /// Removes a topic. Returns whether it was there.
    pub(crate) fn remove(&mut self, topic: &str) -> bool {
        let Some((topic, end)) = self.ends.remove_entry(topic) else { return false };
        self.order.remove(&(end, topic))
    }

    /// Returns when the first topic ends.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.order.first().map(|(end, _)| *end)
    }

    /// Removes and returns the first topic if it has ended at `now`.
    pub(crate) fn take_ended(&mut self, now: Instant) -> Option<Arc<str>> {
        self.first().filter(|end| *end <= now)?;
        self.take_first()
    }

    fn take_first(&mut self) -> Option<Arc<str>> {
        let (_, topic) = self.order.pop_first()?;
        self.ends.remove(&topic);
        Some(topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_secs(10);

    #[test]
    fn topics_linger_in_the_order_in_which_their_subscribers_left() {
        let (mut lingering, start) = (Lingering::default(), Instant::now());
        let second = start + Duration::from_secs(1);
        assert_eq!(lingering.first(), None);
        assert_eq!(lingering.add("b".into(), start, LINGER), None);
        assert_eq!(lingering.add("a".into(), second, LINGER), None);
        assert_eq!(lingering.add("c".into(), second, LINGER), None);
        assert_eq!(lingering.first(), Some(start + LINGER));
        assert!(lingering.remove("a") && !lingering.remove("a") && !lingering.remove("d"));
        assert_eq!(lingering.take_ended(start + LINGER - Duration::from_nanos(1)), None);
        assert_eq!(lingering.take_ended(start + LINGER).as_deref(), Some("b"));
        assert_eq!(lingering.take_ended(start + LINGER), None);
        assert_eq!(lingering.take_ended(second + LINGER).as_deref(), Some("c"));
        assert!(lingering.order.is_empty() && lingering.ends.is_empty());
    }

    #[test]
    fn their_number_is_limited() {
        let (mut lingering, now) = (Lingering::default(), Instant::now());
        for number in 0..MAX_TOPICS {
            assert_eq!(lingering.add(format!("{number:05}").into(), now, LINGER), None);
        }
        assert_eq!(lingering.add("late".into(), now, LINGER).as_deref(), Some("00000"));
        assert_eq!((lingering.order.len(), lingering.ends.len()), (MAX_TOPICS, MAX_TOPICS));
        assert!(!lingering.remove("00000") && lingering.remove("late"));
        assert_eq!(lingering.add("for ever".into(), now, Duration::MAX), None);
        assert_eq!(lingering.take_ended(now + LINGER).as_deref(), Some("00001"));
        assert!(lingering.remove("for ever"));
    }
}
