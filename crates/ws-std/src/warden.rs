//! The warden: one thread of the process that handles deadlines, unwritten output and lingering transports.
//!
//! Receiving threads block in a plain read, and sending threads wait only for room; the warden waits for
//! everything else. It sleeps until a deadline or an event, and an idle connection without a keep-alive
//! never wakes it. While connections collect output, it also calls them once in each [`TICK`].
//!
//! No wake-up is lost. A plan changes under the lock of `state`, and the poller is woken after that. The
//! thread copies all plans under the same lock before it polls, so a change is either in the copy, or its
//! wake-up ends the poll. Wake-ups are cleared after the poll and before the next copy. A change that does
//! not make the thread due earlier needs no wake-up, such as a deadline that is not the first.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;
use std::{mem, thread};

use parking_lot::{Mutex, MutexGuard};
use ws_common::ConnectionId;
use ws_common::adapter::MOST_LINGERING;

use crate::clock::now;
use crate::poller::{Interest, Poller};

/// The delay before a deadline that has passed and is still set is tried again.
pub(crate) const RETRY: Duration = Duration::from_millis(50);

/// How long the warden waits between two calls of connections that collect output.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// An object that the warden watches, usually a connection.
pub(crate) trait Watched: Send + Sync {
    /// Handles deadlines, writes pending output, and discards input of a lingering transport; then updates
    /// the plan. Never blocks. Called without the warden's lock, and possibly once more after the entry
    /// was removed.
    fn on_ready(&self, id: ConnectionId);

    /// Writes output that has been kept since the last tick. Returns whether more ticks are wanted. Never blocks.
    /// Called without the warden's lock.
    fn on_tick(&self) -> bool {
        false
    }
}

/// The deadline and the socket event to wait for; empty means neither.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) deadline: Option<Duration>,
    pub(crate) interest: Option<(Interest, Arc<TcpStream>)>,
    /// Whether the socket lingers after the end of its connection.
    pub(crate) lingers: bool,
}

pub(crate) struct Warden {
    state: Mutex<State>,
    poller: Poller,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<ConnectionId, Entry>,
    deadlines: BTreeSet<(Duration, ConnectionId)>,
    interested: BTreeSet<ConnectionId>,
    /// How many entries linger.
    lingering: usize,
    /// Those that want ticks. Connections live no longer for it.
    ticking: Vec<Weak<dyn Watched>>,
    /// When the next tick is due; `None` if none is wanted.
    next_tick: Option<Duration>,
    running: bool,
}

struct Entry {
    watched: Arc<dyn Watched>,
    plan: Plan,
}

/// Returns the warden of the process.
pub(crate) fn warden() -> &'static Warden {
    static WARDEN: LazyLock<Warden> = LazyLock::new(Warden::new);
    &WARDEN
}

impl Warden {
    fn new() -> Self {
        Self { state: Mutex::default(), poller: Poller::new() }
    }

    /// Replaces the plan of a connection; an empty plan removes it.
    pub(crate) fn watch(&'static self, id: ConnectionId, watched: Arc<dyn Watched>, plan: Plan) {
        let mut state = self.lock();
        let before = state.first();
        let removed = state.remove(id);
        // Also wake the thread to release a socket of the old plan: its copy keeps the descriptor open.
        let urgent = plan.interest.is_some()
            || removed.as_ref().is_some_and(|entry| entry.plan.interest.is_some())
            || plan.deadline.is_some_and(|at| before.is_none_or(|first| at < first));
        if plan.deadline.is_some() || plan.interest.is_some() {
            state.insert(id, Entry { watched, plan });
        }
        self.wake(state, urgent);
        // Dropped without the lock: the last reference drops the connection, too.
        drop(removed);
    }

    /// Calls [`on_tick`](Watched::on_tick) once in each [`TICK`] until it returns `false`.
    pub(crate) fn start_ticks(&'static self, watched: Weak<dyn Watched>) {
        let mut state = self.lock();
        state.ticking.push(watched);
        let urgent = state.next_tick.is_none();
        if urgent {
            state.next_tick = Some(now().saturating_add(TICK));
        }
        self.wake(state, urgent);
    }

    /// Releases the state, and wakes the thread if that is urgent. Starts it if it has something to do and does not
    /// run: it is the first time, or it could not be started before.
    fn wake(&'static self, mut state: MutexGuard<'_, State>, urgent: bool) {
        let start = !state.running && state.has_work();
        // Set under the lock, so only one caller starts the thread. Others leave their plans in `state`,
        // which the thread reads when it begins.
        state.running |= start;
        drop(state);
        if start {
            self.start();
        } else if urgent {
            self.poller.wake();
        }
    }

    /// Removes the plan of a connection.
    pub(crate) fn forget(&self, id: ConnectionId) {
        let removed = self.lock().remove(id);
        // Dropped without the lock: the last reference drops the object, too.
        drop(removed);
        self.poller.wake();
    }

    /// Whether too many sockets linger for another one to linger, too.
    pub(crate) fn is_crowded(&self) -> bool {
        self.lock().lingering >= MOST_LINGERING
    }

    fn start(&'static self) {
        let thread = thread::Builder::new().name("ws-std".into()).spawn(|| self.run());
        if let Err(error) = thread {
            ws_common::adapter::logging::error!(
                "cannot start the thread for deadlines and output: {error}"
            );
            self.lock().running = false;
        }
    }

    fn run(&self) {
        let mut sockets = Vec::new();
        loop {
            sockets.clear();
            let state = self.lock();
            let first = state.first();
            for id in &state.interested {
                if let Some((interest, tcp)) = &state.entries[id].plan.interest {
                    sockets.push((*id, *interest, Arc::clone(tcp)));
                }
            }
            drop(state);
            let ready = self.poller.wait(&sockets, first.map(|at| at.saturating_sub(now())));
            for (id, watched) in self.due(&ready) {
                watched.on_ready(id);
            }
            self.call_ticks();
        }
    }

    /// Makes the calls of a tick that is due.
    fn call_ticks(&self) {
        let mut state = self.lock();
        if state.next_tick.is_none_or(|at| at > now()) {
            return;
        }
        let mut ticking = mem::take(&mut state.ticking);
        drop(state);
        ticking.retain(|watched| watched.upgrade().is_some_and(|watched| watched.on_tick()));
        let mut state = self.lock();
        ticking.append(&mut state.ticking);
        (state.ticking, state.next_tick) = match ticking.is_empty() {
            true => (Vec::new(), None),
            false => (ticking, Some(now().saturating_add(TICK))),
        };
    }

    /// Returns the connections with a ready socket or a passed deadline.
    fn due(&self, ready: &[ConnectionId]) -> Vec<(ConnectionId, Arc<dyn Watched>)> {
        let (state, now) = (self.lock(), now());
        let late = state.deadlines.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| id);
        let ids: BTreeSet<_> = late.chain(ready).collect();
        let watched = |id: &ConnectionId| Some((*id, Arc::clone(&state.entries.get(id)?.watched)));
        ids.into_iter().filter_map(watched).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    /// Returns when the warden must wake up at the latest.
    fn first(&self) -> Option<Duration> {
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        deadline.into_iter().chain(self.next_tick).min()
    }

    /// Returns whether there is something to wait for.
    fn has_work(&self) -> bool {
        self.first().is_some() || !self.interested.is_empty()
    }

    fn insert(&mut self, id: ConnectionId, entry: Entry) {
        if let Some(at) = entry.plan.deadline {
            self.deadlines.insert((at, id));
        }
        if entry.plan.interest.is_some() {
            self.interested.insert(id);
        }
        self.lingering += usize::from(entry.plan.lingers);
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: ConnectionId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        if let Some(at) = entry.plan.deadline {
            self.deadlines.remove(&(at, id));
        }
        self.interested.remove(&id);
        self.lingering -= usize::from(entry.plan.lingers);
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};

    use ws_common::adapter::new_connection_id;

    use super::*;

    /// Reports its calls, wants some ticks, and has nothing more to do after a deadline.
    struct Reporter {
        warden: &'static Warden,
        reports: Mutex<Sender<&'static str>>,
        wanted: AtomicUsize,
    }

    impl Reporter {
        fn report(&self, call: &'static str) {
            // Fails if the test has ended.
            let _ = self.reports.lock().send(call);
        }
    }

    impl Watched for Reporter {
        fn on_ready(&self, id: ConnectionId) {
            self.warden.forget(id);
            self.report("ready");
        }

        fn on_tick(&self) -> bool {
            self.report("tick");
            self.wanted.fetch_sub(1, Ordering::Relaxed) > 1
        }
    }

    fn reporter(wanted: usize) -> (Arc<Reporter>, Receiver<&'static str>) {
        let (reports, reported) = channel();
        let (warden, reports) = (Box::leak(Box::new(Warden::new())), Mutex::new(reports));
        (Arc::new(Reporter { warden, reports, wanted: wanted.into() }), reported)
    }

    fn wait_for_the_end_of_ticks(warden: &Warden) {
        while warden.lock().next_tick.is_some() {
            thread::sleep(TICK);
        }
    }

    #[test]
    fn ticks_end_when_no_more_are_wanted() {
        let (watched, reported) = reporter(3);
        let warden = watched.warden;
        warden.start_ticks(Arc::downgrade(&watched) as _);
        wait_for_the_end_of_ticks(warden);
        drop(watched);
        assert_eq!(reported.iter().collect::<Vec<_>>(), ["tick"; 3]);
    }

    #[test]
    fn ticks_keep_nothing_alive() {
        let (watched, reported) = reporter(usize::MAX);
        let warden = watched.warden;
        warden.start_ticks(Arc::downgrade(&watched) as _);
        assert_eq!(reported.recv(), Ok("tick"));
        drop(watched);
        wait_for_the_end_of_ticks(warden);
        assert!(reported.iter().all(|call| call == "tick"), "it is dropped");
    }

    /// A thread that could not be started has left a time that has passed.
    #[test]
    fn a_start_that_has_failed_is_tried_again() {
        let deadline: fn(Arc<Reporter>) = |watched| {
            let plan = Plan { deadline: Some(now()), ..Plan::default() };
            watched.warden.watch(new_connection_id(), watched, plan);
        };
        let tick: fn(Arc<Reporter>) =
            |watched| watched.warden.start_ticks(Arc::downgrade(&watched) as _);
        for (ask, expected) in [(deadline, "ready"), (tick, "tick")] {
            let (watched, reported) = reporter(1);
            watched.warden.lock().next_tick = Some(Duration::ZERO);
            ask(Arc::clone(&watched));
            // Long enough for any machine.
            assert_eq!(reported.recv_timeout(Duration::from_secs(60)), Ok(expected));
        }
    }
}
