//! When something is due, of many connections.

use std::collections::BTreeSet;
use std::time::Duration;

/// The deadlines of those connections that have one, in order. The others cost nothing.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BTreeSet<(Duration, usize)>);

impl Deadlines {
    /// Sets the deadline of a connection, which was `armed` before.
    pub(crate) fn set(
        &mut self,
        key: usize,
        armed: &mut Option<Duration>,
        deadline: Option<Duration>,
    ) {
        if *armed == deadline {
            return;
        }
        if let Some(at) = armed.take() {
            self.0.remove(&(at, key));
        }
        if let Some(at) = deadline {
            self.0.insert((at, key));
        }
        *armed = deadline;
    }

    /// Returns the first deadline there is.
    pub(crate) fn first(&self) -> Option<Duration> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Returns the connection whose deadline is the first, if it has passed.
    pub(crate) fn due(&self, now: Duration) -> Option<usize> {
        self.0.first().filter(|(at, _)| *at <= now).map(|(_, key)| *key)
    }
}
