//! When something is due, of many connections.

use std::collections::BTreeSet;
use std::time::Duration;

/// The deadlines of those connections that have one, in order. The others cost nothing.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BTreeSet<(u64, usize)>);

/// The deadline of a connection, in nanoseconds of the loop's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Armed(u64);

impl Armed {
    pub(crate) const NEVER: Self = Self(u64::MAX);

    pub(crate) fn at(deadline: Option<Duration>) -> Self {
        let nanos = |at: Duration| u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        deadline.map_or(Self::NEVER, |at| Self(nanos(at)))
    }
}

impl Deadlines {
    /// Sets the deadline of a connection, which was `armed` before.
    pub(crate) fn set(&mut self, key: usize, armed: &mut Armed, deadline: Armed) {
        if *armed == deadline {
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

    /// Returns the first deadline there is.
    pub(crate) fn first(&self) -> Option<Duration> {
        self.0.first().map(|(at, _)| Duration::from_nanos(*at))
    }

    /// Returns the connections whose deadlines have passed.
    pub(crate) fn due(&self, now: Duration) -> Vec<usize> {
        let due = self.0.iter().take_while(|(at, _)| Duration::from_nanos(*at) <= now);
        due.map(|(_, key)| *key).collect()
    }
}
