//! The alarm of a task.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// About 30 years, the longest that a task sleeps.
const LONGEST: Duration = Duration::from_secs(1 << 30);

/// A timer of tokio that is moved only if it would fire too late; one that fires too early is set again. So a
/// connection whose deadline moves on with each message does not touch the timers of the runtime.
#[derive(Default)]
pub(crate) struct Alarm {
    /// When the timer fires, if it has not fired. Here, so that a busy connection does not touch the timer.
    set: Option<Instant>,
    timer: Option<Box<Timer>>,
}

struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// The runtime that it belongs to. In another one, there is another timer, because it fails once its own has shut
    /// down.
    runtime: Id,
    /// The waker that the timer holds. With the same one, it is not polled again.
    waker: Option<Waker>,
}

impl Alarm {
    /// Returns whether `at` has passed. Otherwise, the task is woken then, unless it is polled outside of a runtime.
    /// Without a time, returns false.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, at: Option<Instant>) -> bool {
        let Some(at) = at else { return false };
        if self.timer.as_ref().is_some_and(|timer| timer.wakes(context, at)) {
            return false;
        }
        self.set = None;
        let Ok(runtime) = Handle::try_current().map(|runtime| runtime.id()) else {
            self.timer = None;
            return at <= Instant::now();
        };
        self.timer.take_if(|timer| timer.runtime != runtime);
        let new = || Box::new(Timer { sleep: Box::pin(sleep_until(at)), runtime, waker: None });
        let Timer { sleep, waker, .. } = &mut **self.timer.get_or_insert_with(new);
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        // A timer that is polled without budget does not take the waker.
        while pin!(unconstrained(sleep.as_mut())).poll(context).is_ready() {
            if sleep.deadline() >= at {
                return true;
            }
            sleep.as_mut().reset(at);
        }
        match waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        self.set = Some(sleep.deadline());
        false
    }

    /// Returns whether the task that has [polled](Self::poll) it last is woken at `at`, or earlier, as it is: it has not
    /// rung until `now`. Without a time, returns true.
    #[inline]
    pub(crate) fn is_set(&self, at: Option<Instant>, now: Instant) -> bool {
        at.is_none_or(|at| self.set.is_some_and(|set| set <= at && now < set))
    }

    /// Returns whether its time has passed, so that it has woken the task.
    pub(crate) fn has_rung(&self) -> bool {
        self.timer.as_ref().is_some_and(|timer| timer.sleep.is_elapsed())
    }
}

impl Timer {
    /// Returns whether the timer wakes the task at a time, or earlier, as it is.
    fn wakes(&self, context: &Context<'_>, at: Instant) -> bool {
        self.sleep.deadline() <= at
            && !self.sleep.is_elapsed()
            && self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()))
    }
}

/// Returns the time that is `due` after `start`.
pub(crate) fn after(start: Instant, due: Option<Duration>) -> Option<Instant> {
    due.map(|due| start.checked_add(due).unwrap_or_else(|| Instant::now() + LONGEST))
}

/// Returns the time of tokio, which is the clock of servers: their deadlines and timers follow it when it is paused.
pub(crate) fn now() -> std::time::Instant {
    Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use tokio::task::coop::consume_budget;
    use tokio::time::{advance, timeout};

    use super::*;

    /// Polls an alarm until it rings, and returns when it did.
    async fn ring(alarm: &mut Alarm, at: Instant) -> Instant {
        let rings = poll_fn(|context| match alarm.poll(context, Some(at)) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        timeout(LONGEST, rings).await.expect("it rings");
        Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_whatever_budget_its_task_has_left() {
        for spent in 0..140 {
            let rings = tokio::spawn(async move {
                let mut alarm = Alarm::default();
                // Set for the first time, again, and to an earlier time.
                for (first, then) in [(1, 1), (5, 5), (100, 3)] {
                    let now = Instant::now();
                    let at = |seconds| now + Duration::from_secs(seconds);
                    poll_fn(|context| Poll::Ready(alarm.poll(context, Some(at(first))))).await;
                    for _ in 0..spent {
                        consume_budget().await;
                    }
                    assert_eq!(ring(&mut alarm, at(then)).await, at(then), "after {spent} units");
                }
            });
            rings.await.expect("no panic");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_that_is_set_need_not_be_polled() {
        let (mut alarm, start) = (Alarm::default(), Instant::now());
        let at = |seconds| Some(start + Duration::from_secs(seconds));
        let is_set = |alarm: &Alarm, seconds| alarm.is_set(at(seconds), Instant::now());
        assert!(!is_set(&alarm, 5) && alarm.is_set(None, start), "it was never polled");
        assert!(!poll_fn(|context| Poll::Ready(alarm.poll(context, at(5)))).await);
        assert!(is_set(&alarm, 5) && is_set(&alarm, 7) && !is_set(&alarm, 4));
        // It moves to an earlier time only.
        for (then, set) in [(9, 5), (3, 3)] {
            assert!(!poll_fn(|context| Poll::Ready(alarm.poll(context, at(then)))).await);
            assert!(is_set(&alarm, set) && !is_set(&alarm, set - 1), "at {then}");
        }
        advance(Duration::from_secs(3)).await;
        assert!(!is_set(&alarm, 3) && !is_set(&alarm, 9), "it has rung");
        assert!(poll_fn(|context| Poll::Ready(alarm.poll(context, at(3)))).await);
        assert!(!is_set(&alarm, 3));
        assert!(!poll_fn(|context| Poll::Ready(alarm.poll(context, at(9)))).await);
        assert!(is_set(&alarm, 9));
    }
}
