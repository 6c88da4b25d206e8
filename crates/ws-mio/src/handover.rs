//! New connections of a server with several loops: one thread accepts them, and the loops take them.
//!
//! A newcomer never waits for a loop that is busy. All loops take newcomers out of one queue, between their
//! turns; of those that sleep, the one with the fewest connections is woken for each.
//!
//! No newcomer is overlooked. The accepting thread puts it into the queue, then looks for a loop that sleeps. A
//! loop marks itself as asleep, then looks into the queue before it waits; and after a wait, it marks itself as awake, then
//! looks into the queue before it gives any turn. These steps are `SeqCst`, so either the thread finds the loop
//! asleep, whose wait its wake-up ends, or the loop finds the newcomer.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use mio::net::TcpStream;

use crate::origin::LoopServer;

/// The maximum number of newcomers in the queue. Others stay in that of the operating system.
const MOST: usize = 1024;

/// The newcomers of a server, and its loops.
pub(crate) struct Handover {
    loops: Vec<Arc<LoopServer>>,
    queue: Mutex<VecDeque<Newcomer>>,
    /// The length of the queue, which loops check without its lock.
    waiting: AtomicUsize,
    /// Notified when there is room in the queue, or the server is ending.
    changed: Condvar,
}

type Newcomer = (TcpStream, Option<SocketAddr>);

impl Handover {
    pub(crate) fn new(loops: Vec<Arc<LoopServer>>) -> Self {
        let (queue, changed) = (Mutex::default(), Condvar::new());
        Self { loops, queue, waiting: AtomicUsize::new(0), changed }
    }

    /// Hands over a newcomer. Waits for room in the queue, unless the server is ending.
    pub(crate) fn put(&self, newcomer: Newcomer) {
        let Some(first) = self.loops.first() else { return };
        let mut queue = self.lock();
        // `terminate` flags the end before it calls `end`, which takes the lock: the notice is not lost.
        while queue.len() >= MOST {
            if first.acceptor.server().is_ending() {
                return;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.push_back(newcomer);
        self.waiting.store(queue.len(), Ordering::SeqCst);
        drop(queue);
        let asleep = self.loops.iter().filter(|server| server.shared.is_asleep());
        if let Some(least) = asleep.min_by_key(|server| server.carried.load(Ordering::Relaxed)) {
            least.shared.wake();
        }
    }

    /// Takes a newcomer.
    pub(crate) fn take(&self) -> Option<Newcomer> {
        if !self.has_newcomers() {
            return None;
        }
        let mut queue = self.lock();
        let newcomer = queue.pop_front();
        self.waiting.store(queue.len(), Ordering::SeqCst);
        drop(queue);
        self.changed.notify_all();
        newcomer
    }

    pub(crate) fn has_newcomers(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Wakes the accepting thread, because the server is ending.
    pub(crate) fn end(&self) {
        let queue = self.lock();
        self.changed.notify_all();
        drop(queue);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Newcomer>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
