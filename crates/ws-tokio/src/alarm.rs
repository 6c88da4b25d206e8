//! The alarm of a task.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// About 30 years, the longest that a task sleeps.
const LONGEST: Duration = Duration::from_secs(1 << 30);

/// A timer of tokio that is moved only if it would fire too late: one that fires too early is set again. So a
/// connection whose deadline moves with each message leaves the timers of the runtime alone.
#[derive(Default)]
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Returns whether `at` has passed. Otherwise, the task is woken then. Without a time, returns false.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, at: Option<Instant>) -> bool {
        let Some(at) = at else { return false };
        loop {
            let sleep = match &mut self.0 {
                None => self.0.insert(Box::pin(sleep_until(at))),
                Some(sleep) if sleep.deadline() > at => {
                    sleep.as_mut().reset(at);
                    sleep
                }
                Some(sleep) => sleep,
            };
            if sleep.as_mut().poll(context).is_pending() {
                return false;
            }
            if sleep.deadline() >= at {
                return true;
            }
            sleep.as_mut().reset(at);
        }
    }

    /// Returns whether its time has passed, so that it has woken the task.
    pub(crate) fn has_rung(&self) -> bool {
        self.0.as_ref().is_some_and(|sleep| sleep.is_elapsed())
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
