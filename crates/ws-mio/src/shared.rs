//! The thread-safe side of an event loop: mailbox, waker and connection table.

use std::fmt;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::{Registry, Token, Waker};
use slab::Slab;
use ws_common::adapter::Conversation;
use ws_common::{ConnectionId, ServerHandle};

use crate::slot::{DynConnection, Slot};

/// The thread-safe side of an event loop.
pub(crate) struct Shared {
    /// The moment from which the loop's time is counted.
    start: Instant,
    /// `None` once the loop has ended: handles of its connections may be kept, and no descriptor with them.
    waker: Mutex<Option<Waker>>,
    /// Whether the loop waits, or is about to.
    asleep: AtomicBool,
    /// How many [`LoopHandle`](crate::LoopHandle)s there are: as long as there is one, the loop goes on.
    pub(crate) handles: AtomicUsize,
    mailbox: Mutex<Mailbox>,
    slots: Mutex<Slab<Slot>>,
}

/// Messages to the loop.
#[derive(Default)]
pub(crate) struct Mailbox {
    /// Connections that have something to write, or have to look at themselves.
    pub(crate) changed: Vec<usize>,
    /// Connections that begin.
    pub(crate) begun: Vec<(Arc<dyn DynConnection>, Conversation)>,
    /// Whether a server is to end, or the last handle of the loop is gone.
    pub(crate) look: bool,
    /// Whether the loop was told to stop.
    pub(crate) stop: bool,
    /// Whether the loop has ended, and takes nothing any more.
    ended: bool,
}

impl Mailbox {
    fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.begun.is_empty() && !self.look && !self.stop
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
            waker: Mutex::new(Some(Waker::new(registry, token)?)),
            asleep: AtomicBool::new(false),
            handles: AtomicUsize::new(0),
            mailbox: Mutex::default(),
            slots: Mutex::default(),
        })
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
        self.post(|mailbox| mailbox.changed.push(key));
    }

    /// Leaves a message for the loop; returns whether the loop still takes it.
    pub(crate) fn post(&self, put: impl FnOnce(&mut Mailbox)) -> bool {
        let mut mailbox = self.mailbox();
        if mailbox.ended {
            return false;
        }
        put(&mut mailbox);
        drop(mailbox);
        self.wake();
        true
    }

    /// Ends the loop, unless something is in the mailbox. Returns whether it has ended.
    pub(crate) fn end(&self) -> bool {
        let mut mailbox = self.mailbox();
        mailbox.ended = mailbox.is_empty();
        mailbox.ended
    }

    /// Ends the loop, whatever is in the mailbox and in the table; that is returned, to be dropped.
    pub(crate) fn give_up(&self) -> (Mailbox, Slab<Slot>, Option<Waker>) {
        let mut mailbox = self.mailbox();
        let left = mem::take(&mut *mailbox);
        mailbox.ended = true;
        drop(mailbox);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        (left, mem::take(&mut *self.slots()), waker)
    }

    /// Wakes the loop if it waits. The first one that finds it asleep does.
    ///
    /// No wake is lost: a message is in the mailbox before `asleep` is looked at here, and `asleep` is set
    /// before the mailbox is looked at in [`fall_asleep`](Self::fall_asleep). Both are sequentially
    /// consistent, so that at least one of the two sees what the other one did.
    fn wake(&self) {
        if !self.asleep.swap(false, Ordering::SeqCst) {
            return;
        }
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = &*waker
            && let Err(error) = waker.wake()
        {
            log::error!("cannot wake the event loop: {error}");
        }
    }

    /// Notes that the loop is about to wait. Returns whether it may: the mailbox is empty.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        self.mailbox().is_empty()
    }

    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    pub(crate) fn take_mail(&self) -> Mailbox {
        mem::take(&mut self.mailbox())
    }

    /// The connections of the loop. Not to be held while one of them, or a handler, is called.
    pub(crate) fn slots(&self) -> MutexGuard<'_, Slab<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the connections of a server, also those that are not open yet.
    pub(crate) fn connections_of(&self, server: &ServerHandle) -> Vec<Arc<dyn DynConnection>> {
        let belongs = |connection: &&Arc<dyn DynConnection>| {
            connection.server().is_some_and(|other| other.is_same(server))
        };
        let slots = self.slots();
        slots.iter().map(|(_, slot)| &slot.connection).filter(belongs).cloned().collect()
    }

    /// Returns the connection of that id, also if it is not open yet.
    pub(crate) fn find(
        &self,
        server: &ServerHandle,
        id: ConnectionId,
    ) -> Option<Arc<dyn DynConnection>> {
        let slots = self.slots();
        let (_, found) = slots.iter().find(|(_, slot)| *slot.connection.id() == id)?;
        let belongs = found.connection.server().is_some_and(|other| other.is_same(server));
        belongs.then(|| Arc::clone(&found.connection))
    }

    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
