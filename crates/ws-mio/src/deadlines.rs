//! The deadlines of many connections, in order.

use std::collections::BTreeSet;
use std::time::Duration;

/// The deadlines, with the keys of their connections. A connection without a deadline has no entry.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BTreeSet<(u64, usize)>);

/// The deadline for which a connection has an entry, in nanoseconds of the loop's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Armed(u64);

impl Armed {
    pub(crate) const NEVER: Self = Self(u64::MAX);

    pub(crate) fn at(deadline: Option<Duration>) -> Self {
        let nanos = |at: Duration| u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        deadline.map_or(Self::NEVER, |at| Self(nanos(at)))
    }
}

impl Deadlines {
    /// Sets the deadline of a connection; `armed` is its current entry. For a later deadline, the
    /// earlier entry stays until it is due; the connection then has a turn that is not needed, and sets the
    /// new deadline. So messages that postpone a keep-alive Ping leave the set unchanged.
    pub(crate) fn set(&mut self, key: usize, armed: &mut Armed, deadline: Armed, now: Duration) {
        let moves_on = deadline != Armed::NEVER && deadline.0 >= armed.0;
        if *armed == deadline || moves_on && *armed > Armed::at(Some(now)) {
            return;
        }
        if *armed != Armed::NEVER {
            self.0.remove(&(armed.0, key));
        }
        if deadline != Armed::NEVER {
            self.0.insert((deadline.0, key));
        }
        *armed = deadline;
    }

    /// Returns the earliest deadline.
    pub(crate) fn first(&self) -> Option<Duration> {
        self.0.first().map(|(at, _)| Duration::from_nanos(*at))
    }

    /// Returns the keys of the connections whose deadlines have passed.
    pub(crate) fn due(&self, now: Duration) -> Vec<usize> {
        let Armed(now) = Armed::at(Some(now));
        if self.0.first().is_none_or(|(at, _)| *at > now) {
            return Vec::new();
        }
        self.0.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| *key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_moves_on_is_kept_until_it_has_passed() {
        let at = |seconds| Armed::at(Some(Duration::from_secs(seconds)));
        let now = Duration::from_secs;
        let (mut deadlines, mut armed) = (Deadlines::default(), Armed::NEVER);
        for (deadline, at_time, first) in [
            (at(10), 0, Some(10)),
            (at(20), 1, Some(10)),
            (at(5), 2, Some(5)),
            (at(30), 3, Some(5)),
            (at(30), 5, Some(30)),
            (at(30), 30, Some(30)),
            (Armed::NEVER, 6, None),
            (at(7), 8, Some(7)),
        ] {
            deadlines.set(1, &mut armed, deadline, now(at_time));
            assert_eq!(deadlines.first(), first.map(now), "{deadline:?} at {at_time}");
        }
        assert_eq!(deadlines.due(now(7)), [1]);
    }
}
