//! Timers of an application.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

/// Identifies a timer. An id is never reused within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(u64);

impl TimerId {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The timers whose calls are due together: those that were set before the first of these calls. A handler
/// that sets a timer without a delay in each call would otherwise be called without an end, where the time
/// stands still meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Greater than their ids; `None` before the first call.
    before: Option<TimerId>,
}

impl Due {
    fn includes(&self, timer: TimerId) -> bool {
        self.before.is_none_or(|before| timer < before)
    }
}

/// The timers that have not expired, by time and by id, so that setting and cancelling one costs the logarithm
/// of their number. `T` is a time.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    /// The earliest first.
    order: BTreeSet<(T, TimerId)>,
    times: BTreeMap<TimerId, T>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { order: BTreeSet::new(), times: BTreeMap::new() }
    }
}

impl<T: Copy + Ord> Timers<T> {
    /// Adds a timer that expires at `at`.
    pub(crate) fn set(&mut self, at: T) -> TimerId {
        let timer = TimerId::new();
        self.order.insert((at, timer));
        self.times.insert(timer, at);
        timer
    }

    /// Removes a timer. Returns whether it was there.
    pub(crate) fn cancel(&mut self, timer: TimerId) -> bool {
        self.times.remove(&timer).is_some_and(|at| self.order.remove(&(at, timer)))
    }

    /// Returns when the first timer expires.
    pub(crate) fn first(&self) -> Option<T> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Removes the first timer if it has expired and is one of `due`.
    pub(crate) fn take_expired(&mut self, now: T, due: &mut Due) -> Option<TimerId> {
        let (at, timer) = *self.order.first()?;
        if at > now || !due.includes(timer) {
            return None;
        }
        due.before.get_or_insert_with(TimerId::new);
        self.cancel(timer);
        Some(timer)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

/// A server's clock.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    pub(crate) fn new(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Instant {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

/// The timers of a server, which any thread may set.
#[derive(Debug)]
pub(crate) struct SharedTimers {
    start: Instant,
    clock: Clock,
    timers: Mutex<Timers<Duration>>,
    /// When the first timer expires, in nanoseconds since `start`; `NONE` without a timer. Written under the
    /// lock, and read without it: a loop that must see an earlier time is woken after that was stored.
    first: AtomicU64,
    /// Whether nobody is told about timers of the application.
    off: AtomicBool,
}

const NONE: u64 = u64::MAX;

impl SharedTimers {
    pub(crate) fn new(clock: Clock) -> Self {
        let first = AtomicU64::new(NONE);
        let off = AtomicBool::new(false);
        Self { start: clock.now(), clock, timers: Mutex::default(), first, off }
    }

    /// Turns timers of the application off: none is kept from now on.
    pub(crate) fn turn_off(&self) {
        self.off.store(true, Ordering::Relaxed);
    }

    /// Returns whether timers of the application are off: the server has no handler.
    pub(crate) fn are_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    /// Sets a timer of the application. Returns whether it is now the first.
    pub(crate) fn set(&self, after: Duration) -> (TimerId, bool) {
        if self.are_off() {
            return (TimerId::new(), false);
        }
        self.set_own(after)
    }

    /// Sets a timer of the server itself. Returns whether it is now the first.
    pub(crate) fn set_own(&self, after: Duration) -> (TimerId, bool) {
        let mut timers = self.lock();
        let elapsed = self.clock.now().saturating_duration_since(self.start);
        let at = elapsed.saturating_add(after);
        let timer = timers.set(at);
        let is_first = timers.first() == Some(at);
        self.update(&timers);
        (timer, is_first)
    }

    pub(crate) fn cancel(&self, timer: TimerId) -> bool {
        let mut timers = self.lock();
        let cancelled = timers.cancel(timer);
        self.update(&timers);
        cancelled
    }

    /// Returns when the first timer expires.
    pub(crate) fn next(&self) -> Option<Instant> {
        match self.first.load(Ordering::Acquire) {
            NONE => None,
            first => self.start.checked_add(Duration::from_nanos(first)),
        }
    }

    /// Removes the first timer if it has expired at `now` and is one of `due`.
    pub(crate) fn take_expired(&self, now: Instant, due: &mut Due) -> Option<TimerId> {
        self.next().filter(|at| *at <= now)?;
        let mut timers = self.lock();
        let expired = timers.take_expired(now.saturating_duration_since(self.start), due);
        self.update(&timers);
        expired
    }

    fn update(&self, timers: &Timers<Duration>) {
        let nanos = |at: Duration| u64::try_from(at.as_nanos()).unwrap_or(NONE);
        self.first.store(timers.first().map_or(NONE, nanos), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Timers<Duration>> {
        self.timers.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_expire_in_the_order_of_their_times() {
        // M12
        let (mut timers, mut due) = (Timers::default(), Due::default());
        let late = timers.set(30);
        let early = timers.set(10);
        let same = timers.set(10);
        let never = timers.set(20);
        assert_eq!(timers.first(), Some(10));
        assert!(timers.cancel(never));
        assert!(!timers.cancel(never));
        assert_eq!(timers.take_expired(9, &mut due), None);
        assert_eq!(timers.take_expired(10, &mut due), Some(early));
        assert_eq!(timers.take_expired(10, &mut due), Some(same));
        assert_eq!(timers.take_expired(29, &mut due), None);
        assert_eq!(timers.take_expired(99, &mut due), Some(late));
        assert!(!timers.cancel(late), "it has expired");
        assert!(timers.is_empty() && timers.times.is_empty());
    }

    #[test]
    fn a_timer_that_is_set_by_a_call_waits_for_the_next_calls() {
        // M12
        let (mut timers, mut due) = (Timers::default(), Due::default());
        let (first, second) = (timers.set(10), timers.set(10));
        assert_eq!(timers.take_expired(10, &mut due), Some(first));
        let third = timers.set(10);
        assert_eq!(timers.take_expired(10, &mut due), Some(second));
        assert_eq!(timers.take_expired(10, &mut due), None);
        assert_eq!(timers.take_expired(10, &mut Due::default()), Some(third));
    }

    #[test]
    fn the_first_timer_of_a_server_is_known_without_its_lock() {
        let timers = SharedTimers::new(Clock::new(Instant::now));
        let mut due = Due::default();
        assert_eq!(timers.next(), None);
        let (late, is_first) = timers.set(Duration::from_secs(60));
        assert!(is_first);
        let (_, is_first) = timers.set(Duration::MAX);
        assert!(!is_first);
        let (soon, is_first) = timers.set(Duration::ZERO);
        assert!(is_first && timers.next().is_some_and(|at| at <= Instant::now()));
        let now = Instant::now();
        assert_eq!(timers.take_expired(now, &mut due), Some(soon));
        assert_eq!(timers.take_expired(now, &mut due), None);
        assert!(timers.cancel(late));
        assert_eq!(timers.next(), None, "the last one never expires");
    }
}
