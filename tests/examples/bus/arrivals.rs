//! When messages have arrived.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// The number of messages that one place has heard, and the time of the last. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Arrivals(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    count: usize,
    last: Option<Instant>,
    /// The count that somebody waits for.
    awaited: usize,
}

impl Arrivals {
    /// Notes messages that have arrived now.
    pub(crate) fn add(&self, count: usize) {
        let now = Instant::now();
        let mut state = self.0.0.lock().expect("no panic");
        state.count += count;
        state.last = Some(now);
        if state.count >= state.awaited {
            self.0.1.notify_all();
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.0.lock().expect("no panic").count
    }

    /// Waits for this number of messages; returns when the last one has arrived.
    pub(crate) fn wait(&self, count: usize) -> Instant {
        let mut state = self.0.0.lock().expect("no panic");
        state.awaited = count;
        while state.count < count {
            let (next, waited) =
                self.0.1.wait_timeout(state, Duration::from_secs(60)).expect("no panic");
            state = next;
            assert!(!waited.timed_out() || state.count >= count, "{} of {count}", state.count);
        }
        state.last.expect("one has arrived")
    }
}
