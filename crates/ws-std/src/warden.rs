//! The thread that looks after connections while no other one does: deadlines, output that waits, and
//! transports that linger.
//!
//! Threads that receive wait in a plain read, and threads that send do not wait, or only for room. So
//! there is one thread for the process that waits for all the rest. It sleeps until something is due, and
//! an idle connection without a keep-alive never wakes it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ws_common::ConnectionId;

use crate::clock::now;
use crate::poller::{Interest, Poller};

/// How many transports may linger at a time. Those beyond are dropped at once, and may lose our last bytes.
const MOST_LINGERING: usize = 1024;

/// A connection, as the warden sees it.
pub(crate) trait Watched: Send + Sync {
    /// Does what is due, writes what waits, and discards what a transport that lingers has brought; then
    /// tells the warden what to wait for next. Never waits.
    fn tend(&self, id: ConnectionId);
}

/// What to wait for on behalf of a connection; nothing, if nothing is set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) deadline: Option<Duration>,
    pub(crate) interest: Option<(Interest, Arc<TcpStream>)>,
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
    running: bool,
}

struct Entry {
    watched: Arc<dyn Watched>,
    plan: Plan,
}

/// Returns the warden of the process.
pub(crate) fn warden() -> &'static Warden {
    static WARDEN: LazyLock<Warden> =
        LazyLock::new(|| Warden { state: Mutex::default(), poller: Poller::new() });
    &WARDEN
}

impl Warden {
    /// Waits for something else on behalf of a connection from now on.
    pub(crate) fn watch(&'static self, id: ConnectionId, watched: Arc<dyn Watched>, plan: Plan) {
        let mut state = self.lock();
        let before = state.first();
        let removed = state.remove(id);
        // The thread must not hold a socket for which nobody waits any more.
        let urgent = plan.interest.is_some()
            || removed.as_ref().is_some_and(|entry| entry.plan.interest.is_some())
            || plan.deadline.is_some_and(|at| before.is_none_or(|first| at < first));
        if plan.deadline.is_some() || plan.interest.is_some() {
            state.insert(id, Entry { watched, plan });
        }
        let start = urgent && !state.running;
        state.running |= urgent;
        drop(state);
        // It may be the last reference, and then more is dropped than the entry.
        drop(removed);
        if start {
            self.start();
        } else if urgent {
            self.poller.wake();
        }
    }

    /// Waits for nothing on behalf of a connection any more.
    pub(crate) fn forget(&self, id: ConnectionId) {
        let removed = self.lock().remove(id);
        // It may be the last reference, and then more is dropped than the entry.
        drop(removed);
        self.poller.wake();
    }

    /// Whether so many sockets are waited for that transports cannot linger.
    pub(crate) fn is_crowded(&self) -> bool {
        self.lock().interested.len() >= MOST_LINGERING
    }

    fn start(&'static self) {
        let thread = thread::Builder::new().name("ws-std".into()).spawn(|| self.run());
        if let Err(error) = thread {
            log::error!("cannot observe deadlines: {error}");
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
                watched.tend(id);
            }
        }
    }

    /// Returns the connections that have something to do.
    fn due(&self, ready: &[ConnectionId]) -> Vec<(ConnectionId, Arc<dyn Watched>)> {
        let (state, now) = (self.lock(), now());
        let late = state.deadlines.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| id);
        let ids: BTreeSet<_> = late.chain(ready).collect();
        let watched = |id: &ConnectionId| Some((*id, Arc::clone(&state.entries.get(id)?.watched)));
        ids.into_iter().filter_map(watched).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn first(&self) -> Option<Duration> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    fn insert(&mut self, id: ConnectionId, entry: Entry) {
        if let Some(at) = entry.plan.deadline {
            self.deadlines.insert((at, id));
        }
        if entry.plan.interest.is_some() {
            self.interested.insert(id);
        }
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: ConnectionId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        if let Some(at) = entry.plan.deadline {
            self.deadlines.remove(&(at, id));
        }
        self.interested.remove(&id);
        Some(entry)
    }
}
