//! New connections of a server with several loops: one thread accepts them, and the loops take them.
//!
//! A newcomer never waits for a loop that is busy. All loops take newcomers out of one queue, between their
//! turns; of those that sleep, the one with the fewest connections is woken for each.
//!
//! No newcomer is overlooked. The accepting thread puts it into the queue, then looks for a loop that
//! sleeps. A loop marks itself as asleep, then looks into the queue before it waits; and after a wait, it
//! marks itself as awake, then looks into the queue before it gives any turn. These steps are `SeqCst`, so
//! either the thread finds the loop asleep, and wakes it, or the loop finds the newcomer.

use std::collections::VecDeque;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mio::net::TcpStream;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::origin::LoopServer;

/// The maximum number of newcomers in the queue. Further ones stay in the backlog of the operating system.
const MOST: usize = 1024;

/// The newcomers of a server, and its loops.
pub(crate) struct Handover {
    loops: Vec<Arc<LoopServer>>,
    queue: Mutex<Queue>,
    /// The length of the queue, which loops check without its lock.
    waiting: AtomicUsize,
    /// Notified when there is room in the queue, or it is closed.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    newcomers: VecDeque<Newcomer>,
    closed: bool,
}

type Newcomer = (TcpStream, Option<SocketAddr>);

impl Handover {
    pub(crate) fn new(loops: Vec<Arc<LoopServer>>) -> Self {
        let (queue, changed) = (Mutex::default(), Condvar::new());
        Self { loops, queue, waiting: AtomicUsize::new(0), changed }
    }

    /// Hands over a newcomer. Waits for room in the queue; drops the newcomer if the queue is closed.
    pub(crate) fn put(&self, newcomer: Newcomer) {
        let mut queue = self.lock();
        while queue.newcomers.len() >= MOST && !queue.closed {
            self.changed.wait(&mut queue);
        }
        if queue.closed {
            return;
        }
        queue.newcomers.push_back(newcomer);
        self.waiting.store(queue.newcomers.len(), Ordering::SeqCst);
        drop(queue);
        let asleep = self.loops.iter().filter(|server| server.shared.is_asleep());
        if let Some(least) =
            asleep.min_by_key(|server| server.counts.carried.load(Ordering::Relaxed))
        {
            least.shared.wake();
        }
    }

    /// Takes the newcomer that has waited longest.
    pub(crate) fn take(&self) -> Option<Newcomer> {
        if !self.has_newcomers() {
            return None;
        }
        let mut queue = self.lock();
        let newcomer = queue.newcomers.pop_front();
        self.waiting.store(queue.newcomers.len(), Ordering::SeqCst);
        drop(queue);
        self.changed.notify_all();
        newcomer
    }

    /// Drops all newcomers, because the server is ending, and all later ones.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        let left = mem::take(&mut queue.newcomers);
        self.waiting.store(0, Ordering::SeqCst);
        drop(queue);
        drop(left);
        self.changed.notify_all();
    }

    pub(crate) fn has_newcomers(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }
}
