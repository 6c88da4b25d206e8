//! A queue between a thread that accepts and the loops that take.

use std::collections::VecDeque;
use std::mem;

use super::sync::{AtomicUsize, Condvar, Mutex, Ordering};

/// Newcomers that wait for a loop.
pub(crate) struct Newcomers<T> {
    queue: Mutex<Queue<T>>,
    /// The length of the queue, which loops check without its lock.
    waiting: AtomicUsize,
    /// Notified when there is room in the queue, or it is closed.
    changed: Condvar,
    /// The maximum length of the queue.
    most: usize,
}

struct Queue<T> {
    newcomers: VecDeque<T>,
    closed: bool,
}

impl<T> Newcomers<T> {
    /// Creates a queue of at most so many.
    pub(crate) fn new(most: usize) -> Self {
        let queue = Mutex::new(Queue { newcomers: VecDeque::new(), closed: false });
        Self { queue, waiting: AtomicUsize::new(0), changed: Condvar::new(), most }
    }

    /// Puts a newcomer into the queue. Waits for room; drops the newcomer if the queue is closed. Returns
    /// whether to look for a loop to wake.
    pub(crate) fn put(&self, newcomer: T) -> bool {
        let mut queue = self.queue.lock();
        while queue.newcomers.len() >= self.most && !queue.closed {
            self.changed.wait(&mut queue);
        }
        if queue.closed {
            return false;
        }
        queue.newcomers.push_back(newcomer);
        self.waiting.store(queue.newcomers.len(), Ordering::SeqCst);
        true
    }

    /// Takes the newcomer that has waited longest.
    pub(crate) fn take(&self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let mut queue = self.queue.lock();
        let newcomer = queue.newcomers.pop_front();
        self.waiting.store(queue.newcomers.len(), Ordering::SeqCst);
        drop(queue);
        self.changed.notify_all();
        newcomer
    }

    /// Drops all newcomers, and all later ones.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        let left = mem::take(&mut queue.newcomers);
        self.waiting.store(0, Ordering::SeqCst);
        drop(queue);
        drop(left);
        self.changed.notify_all();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) == 0
    }
}
