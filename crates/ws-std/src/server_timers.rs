//! The timers of a server: the warden watches the time, and a new thread makes the calls, because a handler may
//! take long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ws_common::ConnectionId;
use ws_common::adapter::logging::warn;
use ws_common::adapter::{Acceptor, new_connection_id};

use crate::clock::now;
use crate::warden::{Plan, RETRY, Watched, warden};

pub(crate) struct ServerTimers {
    /// The warden's key.
    id: ConnectionId,
    acceptor: OnceLock<Weak<Acceptor>>,
    /// Whether a thread calls the handler, and makes the next plan afterwards.
    calling: AtomicBool,
    /// Locked while a plan is made, so that the last plan is the newest.
    planning: Mutex<()>,
    this: Weak<Self>,
}

impl ServerTimers {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            id: new_connection_id(),
            acceptor: OnceLock::new(),
            calling: AtomicBool::new(false),
            planning: Mutex::default(),
            this: Weak::clone(this),
        })
    }

    /// Sets the acceptor whose timers these are.
    pub(crate) fn set_acceptor(&self, acceptor: &Arc<Acceptor>) {
        let _ = self.acceptor.set(Arc::downgrade(acceptor));
    }

    /// Tells the warden when the first timer expires.
    pub(crate) fn plan(&self) {
        let _planning = self.planning.lock();
        if !self.calling.load(Ordering::SeqCst) {
            let first = self.acceptor().and_then(|acceptor| acceptor.next_timer());
            let left = |at: Instant| at.saturating_duration_since(Instant::now());
            self.watch(first.map(|at| now().saturating_add(left(at))));
        }
    }

    fn watch(&self, deadline: Option<Duration>) {
        if let Some(this) = self.this.upgrade() {
            warden().watch(self.id, this, Plan { deadline, ..Plan::default() });
        }
    }

    fn acceptor(&self) -> Option<Arc<Acceptor>> {
        self.acceptor.get()?.upgrade()
    }
}

impl Watched for ServerTimers {
    fn on_ready(&self, _: ConnectionId) {
        self.watch(None);
        let (Some(this), Some(acceptor)) = (self.this.upgrade(), self.acceptor()) else { return };
        if self.calling.swap(true, Ordering::SeqCst) {
            return;
        }
        let called = thread::Builder::new().name("ws-std timer".into()).spawn(move || {
            acceptor.call_timers();
            // A timer that was set before this store has no plan yet; a later one makes its own.
            this.calling.store(false, Ordering::SeqCst);
            this.plan();
        });
        if let Err(error) = called {
            warn!(
                "a timer has expired, but there is no thread to call the server's handler: {error}"
            );
            self.calling.store(false, Ordering::SeqCst);
            self.watch(Some(now().saturating_add(RETRY)));
        }
    }
}
