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
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    /// The waker that the timer has, which need not be polled again for it.
    waker: Option<Waker>,
}

impl Alarm {
    /// Returns whether `at` has passed. Otherwise, the task is woken then. Without a time, returns false.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, at: Option<Instant>) -> bool {
        let Some(at) = at else { return false };
        if self.waits(at) && self.waker.as_ref().is_some_and(|it| it.will_wake(context.waker())) {
            return false;
        }
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if sleep.deadline() >= at {
                return true;
            }
            sleep.as_mut().reset(at);
        }
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        false
    }

    /// Returns whether the timer fires, but not after `at`, and has not fired yet.
    fn waits(&self, at: Instant) -> bool {
        self.sleep.as_ref().is_some_and(|sleep| sleep.deadline() <= at && !sleep.is_elapsed())
    }

    /// Returns whether its time has passed, so that it has woken the task.
    pub(crate) fn has_rung(&self) -> bool {
        self.sleep.as_ref().is_some_and(|sleep| sleep.is_elapsed())
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
