//! The alarm of a task.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// About 30 years, the longest that a task sleeps.
const LONGEST: Duration = Duration::from_secs(1 << 30);

/// A timer of tokio that is moved only if it would fire too late: one that fires too early is set again. So a
/// connection whose deadline moves with each message leaves the timers of the runtime alone.
#[derive(Default)]
pub(crate) struct Alarm(Option<Box<Timer>>);

struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// The waker that the timer has, which need not be polled again for it.
    waker: Option<Waker>,
}

impl Alarm {
    /// Returns whether `at` has passed. Otherwise, the task is woken then. Without a time, returns false.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, at: Option<Instant>) -> bool {
        let Some(at) = at else { return false };
        let new = || Box::new(Timer { sleep: Box::pin(sleep_until(at)), waker: None });
        let Timer { sleep, waker } = &mut **self.0.get_or_insert_with(new);
        if sleep.deadline() <= at
            && !sleep.is_elapsed()
            && waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()))
        {
            return false;
        }
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if sleep.deadline() >= at {
                return true;
            }
            sleep.as_mut().reset(at);
        }
        match waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        false
    }

    /// Returns whether its time has passed, so that it has woken the task.
    pub(crate) fn has_rung(&self) -> bool {
        self.0.as_ref().is_some_and(|timer| timer.sleep.is_elapsed())
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
