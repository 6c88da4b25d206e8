//! Writing, and the plan by which the warden does the rest: deadlines, unwritten output, and the calls of a
//! handler that are due while the receiving thread waits for input.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use ws_common::adapter::logging::warn;
use ws_common::adapter::{Held, Link, WRITE_MOST, shed_outbox};
use wsproto::{Advice, Role};

use super::{Blocking, BlockingDriver};
use crate::Stream;
use crate::calls::Calls;
use crate::clock::now;
use crate::poller::Interest;
use crate::warden::{Plan, RETRY, warden};

#[derive(Debug, Default, PartialEq)]
pub(super) struct SentPlan {
    deadline: Option<Duration>,
    interest: Option<Interest>,
    lingers: bool,
}

impl<R: Role> BlockingDriver<R> {
    /// Writes pending output, up to about `most` bytes, and gives the warden the plan for the rest.
    pub(crate) fn write_and_plan(&self, held: &mut Held<'_, R, Self>, most: usize) {
        let (over, busy, timer) = (held.is_over(), held.is_busy(), held.next_timer());
        let Some(link) = held.link_mut() else {
            self.collector.wrote(false);
            return self.tell(Plan::default());
        };
        if link.endpoint().advice() != Advice::Drop {
            link.write(now(), most);
        }
        if most > 0 {
            // Also if nothing is written any more: the warden must not look for that output for ever.
            self.collector.wrote(!link.endpoint_mut().pending().is_empty());
        }
        if let Some(traffic) = &self.traffic {
            traffic.sent(link.endpoint_mut().take_output_counts());
        }
        if link.endpoint().session().is_over() {
            self.release(link, over || busy);
        }
        if !busy {
            // The receiving thread waits, and another thread has written.
            shed_outbox(link.endpoint_mut());
        }
        let mut timer = timer.filter(|_| !over);
        let drained = || !self.waits_for_room.load(Ordering::Relaxed) && self.is_drained(link);
        if !busy && !over && (is_due(timer) || drained()) && !self.call_elsewhere() {
            timer = Some(now().saturating_add(RETRY));
        }
        if is_due(timer) {
            // The thread that makes the call plans the next timer.
            timer = None;
        }
        let mut plan = self.plan(link, over);
        plan.deadline = plan.deadline.into_iter().chain(timer).min();
        self.tell(plan);
    }

    /// Wakes the threads that wait on the socket of a closed connection.
    fn release(&self, link: &mut Link<R, Stream>, nobody_reads: bool) {
        match link.endpoint().advice() {
            Advice::Drop if self.kept.load(Ordering::Relaxed) => {}
            // Also wakes threads that wait for room. Nothing will be read any more.
            Advice::Drop => link.transport().release(true),
            Advice::Flush => {}
            // Wake the receiving thread: it waits for input, but has an event to report.
            _ if !nobody_reads => {
                self.released.store(true, Ordering::Relaxed);
                link.transport().release(false);
            }
            _ => {}
        }
    }

    /// Whether to call `on_drained`.
    pub(crate) fn is_drained(&self, link: &Link<R, Stream>) -> bool {
        self.calls.get().is_some() && link.endpoint().is_drained()
    }

    /// Makes another thread call the handler, because the receiving thread waits for input and nothing but input
    /// wakes it. Returns `false` if no thread can be started: try again later.
    fn call_elsewhere(&self) -> bool {
        let (Some(this), Some(calls)) = (self.this.upgrade(), self.calls()) else { return true };
        self.calling.swap(true, Ordering::Relaxed) || spawn_calls(this, calls)
    }

    /// Returns the plan of the connection: its deadline, and the event of its socket to wait for.
    pub(super) fn plan(&self, link: &mut Link<R, Stream>, over: bool) -> Plan {
        // A stream without a socket cannot be polled, and writing to it may block.
        let Some(socket) = link.transport().socket().cloned() else { return Plan::default() };
        let waits = !link.endpoint_mut().pending().is_empty() && link.transport().takes_output()
            || link.transport().owes_output();
        let advice = link.endpoint().advice();
        let interest = match advice {
            Advice::Drop => None,
            _ if over && waits => Some(Interest::Write),
            // A reading side that was shut down is always readable; only the deadline is left.
            _ if over && advice != Advice::Flush => (!self.is_released()).then_some(Interest::Read),
            _ if self.waits_for_room.load(Ordering::Relaxed) => None,
            _ if waits => Some(Interest::Write),
            _ => self.watches_input.load(Ordering::Relaxed).then_some(Interest::Read),
        };
        let deadline = link.endpoint().deadline().filter(|_| advice != Advice::Drop);
        let interest = interest.map(|interest| (interest, socket));
        Plan { deadline, interest, lingers: over }
    }

    pub(super) fn tell(&self, plan: Plan) {
        let interest = plan.interest.as_ref().map(|(interest, _)| *interest);
        let plan_sent = SentPlan { deadline: plan.deadline, interest, lingers: plan.lingers };
        // The connection is locked, so the warden gets plans in the order in which they are made.
        let mut before = self.sent_plan.lock();
        if *before == plan_sent {
            return;
        }
        *before = plan_sent;
        if let Some(this) = self.this.upgrade() {
            warden().watch(this.id(), this, plan);
        }
    }
}

/// Calls `on_drained` and `on_timer` in a new thread. Returns `false` if it cannot be started.
fn spawn_calls<R: Role>(connection: Arc<Blocking<R>>, calls: Arc<Calls>) -> bool {
    let waiting = Arc::clone(&connection);
    let called = thread::Builder::new().name("ws-std calls".into()).spawn(move || {
        let handle = connection.handle();
        calls.with(|conversation| {
            // Cleared once the handler is free, so that at most one thread waits for it, and before the calls
            // look at the connection: a call that becomes due later starts another thread, so none is lost.
            // `Relaxed` is enough: the calls take the lock next, under which `write_and_plan` swaps the flag.
            connection.driver().calling.store(false, Ordering::Relaxed);
            let panic = conversation.tell_drained(&connection, &handle);
            panic.or(conversation.call_timers(&connection, &handle, now()))
        });
        connection.driver().write_and_plan(&mut connection.lock(), WRITE_MOST);
    });
    if let Err(error) = &called {
        waiting.driver().calling.store(false, Ordering::Relaxed);
        let id = waiting.id();
        warn!(
            "connection {id}: its handler must be called, but there is no thread for it: {error}"
        );
    }
    called.is_ok()
}

fn is_due(timer: Option<Duration>) -> bool {
    timer.is_some_and(|at| at <= now())
}
