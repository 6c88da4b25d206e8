//! The thread-safe side of an event loop: mailbox, waker and connection table.

use std::fmt;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use mio::{Registry, Token, Waker};
use parking_lot::{Mutex, MutexGuard};
use slab::Slab;
use ws_common::adapter::Conversation;
use ws_common::{ConnectionId, ServerHandle};

use crate::mailbox::{Mail, Mailbox};
use crate::slot::{DynConnection, Slot};

/// The thread-safe side of an event loop.
pub(crate) struct Shared {
    /// Time zero of the loop.
    start: Instant,
    /// `None` once the loop has ended, so that the remaining handles keep no descriptor open.
    waker: Mutex<Option<Waker>>,
    /// The number of [`LoopHandle`](crate::LoopHandle)s. The loop keeps running while there is one.
    pub(crate) handles: AtomicUsize,
    mailbox: Mailbox<LoopMail>,
    slots: Mutex<Slab<Slot>>,
}

/// Messages to the loop.
#[derive(Default)]
pub(crate) struct LoopMail {
    /// The keys of connections that other threads or callbacks have changed.
    pub(crate) changed: Vec<usize>,
    /// New connections of clients.
    pub(crate) begun: Vec<(Arc<dyn DynConnection>, Conversation)>,
    /// Closures that other threads have posted.
    pub(crate) posted: Vec<Box<dyn FnOnce() + Send>>,
    /// Whether a server was told to end, or the last handle of the loop was dropped.
    pub(crate) check_end: bool,
    /// Whether the loop was told to stop.
    pub(crate) stop: bool,
}

impl Mail for LoopMail {
    fn is_empty(&self) -> bool {
        self.changed.is_empty()
            && self.begun.is_empty()
            && self.posted.is_empty()
            && !self.check_end
            && !self.stop
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
            handles: AtomicUsize::new(0),
            mailbox: Mailbox::default(),
            slots: Mutex::default(),
        })
    }

    /// Returns the time since time zero of the loop.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Converts an instant to the time of the loop.
    pub(crate) fn time_of(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }

    /// Requests a turn for a connection.
    pub(crate) fn notify(&self, key: usize) {
        self.post(|mail| mail.changed.push(key));
    }

    /// Requests a turn for a connection, but leaves it to the caller to [wake](Self::wake) the loop.
    pub(crate) fn notify_late(&self, key: usize) {
        self.mailbox.put(|mail| mail.changed.push(key));
    }

    /// Puts a message into the mailbox, and wakes the loop. Returns false if the loop has ended.
    pub(crate) fn post(&self, put: impl FnOnce(&mut LoopMail)) -> bool {
        let posted = self.mailbox.post(put);
        if posted == Some(true) {
            self.wake_now();
        }
        posted.is_some()
    }

    /// Ends the loop unless the mailbox has a message. Returns whether the loop has ended.
    pub(crate) fn end(&self) -> bool {
        self.mailbox.end()
    }

    /// Ends the loop. Returns the mailbox, the table and the waker, to be dropped without a lock.
    pub(crate) fn give_up(&self) -> (LoopMail, Slab<Slot>, Option<Waker>) {
        let left = self.mailbox.give_up();
        let waker = self.waker.lock().take();
        (left, mem::take(&mut *self.slots()), waker)
    }

    /// Wakes the loop if it is asleep; of several threads, only the first one does.
    pub(crate) fn wake(&self) {
        if self.mailbox.must_wake() {
            self.wake_now();
        }
    }

    fn wake_now(&self) {
        let waker = self.waker.lock();
        if let Some(waker) = &*waker
            && let Err(error) = waker.wake()
        {
            ws_common::adapter::logging::error!("cannot wake the event loop: {error}");
        }
    }

    /// Marks the loop as asleep. Returns whether it may wait, because the mailbox is empty.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.mailbox.fall_asleep()
    }

    pub(crate) fn is_asleep(&self) -> bool {
        self.mailbox.is_asleep()
    }

    pub(crate) fn wake_up(&self) {
        self.mailbox.wake_up();
    }

    /// Returns the messages to the loop, if there are any.
    pub(crate) fn take_mail(&self) -> Option<LoopMail> {
        self.mailbox.take()
    }

    /// Locks the table of connections. Unlock it before calling a connection's turn or a handler. Never lock
    /// it while a connection is locked.
    pub(crate) fn slots(&self) -> MutexGuard<'_, Slab<Slot>> {
        self.slots.lock()
    }

    /// Returns the connections of a server, including those that are not open yet.
    pub(crate) fn connections_of(&self, server: &ServerHandle) -> Vec<Arc<dyn DynConnection>> {
        let belongs = |connection: &&Arc<dyn DynConnection>| connection.server() == Some(server);
        let slots = self.slots();
        slots.iter().map(|(_, slot)| &slot.connection).filter(belongs).cloned().collect()
    }

    /// Returns the server's connection with this id, even if it is not open yet.
    pub(crate) fn find(
        &self,
        server: &ServerHandle,
        id: ConnectionId,
    ) -> Option<Arc<dyn DynConnection>> {
        let slots = self.slots();
        let (_, found) = slots.iter().find(|(_, slot)| *slot.connection.id() == id)?;
        let belongs = found.connection.server() == Some(server);
        belongs.then(|| Arc::clone(&found.connection))
    }
}
