//! What a loop has in common with those who use its connections from other threads.

use std::fmt;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::{Registry, Token, Waker};
use slab::Slab;
use ws_common::{ConnectionHandler, ConnectionId, ServerHandle};

use crate::deadlines::Armed;
use crate::dial::Resolved;
use crate::turn::{Carrier, Turns};

/// The way into a loop from other threads, and from its own callbacks.
pub(crate) struct Shared {
    /// The moment from which the loop's time is counted.
    start: Instant,
    waker: Waker,
    /// Whether the loop waits, or is about to.
    asleep: AtomicBool,
    inbox: Mutex<Inbox>,
    slots: Mutex<Slab<Slot>>,
}

/// A connection of the loop, and what only the loop uses.
pub(crate) struct Slot {
    pub(crate) connection: Arc<dyn Turns>,
    /// Not here during the connection's turn.
    pub(crate) carrier: Carrier,
    pub(crate) armed: Armed,
}

/// What waits for the loop.
#[derive(Default)]
pub(crate) struct Inbox {
    /// Connections that have something to write, or have to look at themselves.
    pub(crate) changed: Vec<usize>,
    /// Names that were looked up, for connections that are being opened.
    pub(crate) found: Vec<(usize, ConnectionId, Resolved)>,
    /// Connections that begin.
    pub(crate) begun: Vec<(Arc<dyn Turns>, Box<dyn ConnectionHandler>)>,
    /// Whether a server is to end.
    pub(crate) ending: bool,
    /// Whether the loop has ended, and takes nothing any more.
    ended: bool,
}

impl Inbox {
    fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.found.is_empty() && self.begun.is_empty() && !self.ending
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Self {
            start: Instant::now(),
            waker: Waker::new(registry, token)?,
            asleep: AtomicBool::new(false),
            inbox: Mutex::default(),
            slots: Mutex::default(),
        })
    }

    /// Ends the loop, whatever waits for it, which is returned.
    pub(crate) fn give_up(&self) -> Inbox {
        let mut inbox = self.inbox();
        let left = mem::take(&mut *inbox);
        inbox.ended = true;
        left
    }

    /// Returns the loop's time.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Returns the loop's time of a moment.
    pub(crate) fn time_of(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }

    /// Has the loop look at a connection.
    pub(crate) fn notify(&self, key: usize) {
        self.post(|inbox| inbox.changed.push(key));
    }

    /// Leaves something for the loop; returns whether it still takes it.
    pub(crate) fn post(&self, put: impl FnOnce(&mut Inbox)) -> bool {
        let mut inbox = self.inbox();
        if inbox.ended {
            return false;
        }
        put(&mut inbox);
        drop(inbox);
        self.wake();
        true
    }

    /// Ends the loop, unless something waits for it. Returns whether it has ended.
    pub(crate) fn end(&self) -> bool {
        let mut inbox = self.inbox();
        inbox.ended = inbox.is_empty();
        inbox.ended
    }

    /// Wakes the loop if it waits.
    fn wake(&self) {
        // Whoever finds it asleep wakes it, once.
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Err(error) = self.waker.wake()
        {
            log::error!("cannot wake the event loop: {error}");
        }
    }

    /// Notes that the loop is about to wait. Returns whether it may: nothing has come in.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        self.inbox().is_empty()
    }

    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    pub(crate) fn take_inbox(&self) -> Inbox {
        mem::take(&mut self.inbox())
    }

    /// The connections of the loop. Not to be held while one of them, or a handler, is called.
    pub(crate) fn slots(&self) -> MutexGuard<'_, Slab<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the connections of a server, also those that are not open yet.
    pub(crate) fn connections_of(&self, server: &ServerHandle) -> Vec<Arc<dyn Turns>> {
        let is_of_it = |connection: &&Arc<dyn Turns>| {
            connection.server().is_some_and(|other| other.is_same(server))
        };
        let slots = self.slots();
        slots.iter().map(|(_, slot)| &slot.connection).filter(is_of_it).cloned().collect()
    }

    /// Returns the connection of that id, also if it is not open yet.
    pub(crate) fn find(&self, server: &ServerHandle, id: ConnectionId) -> Option<Arc<dyn Turns>> {
        let slots = self.slots();
        let (_, found) = slots.iter().find(|(_, slot)| *slot.connection.id() == id)?;
        let is_of_it = found.connection.server().is_some_and(|other| other.is_same(server));
        is_of_it.then(|| Arc::clone(&found.connection))
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
