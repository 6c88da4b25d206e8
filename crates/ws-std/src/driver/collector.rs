//! The thread that collects a connection's output, the state of that output, and the ticks of the warden.
//!
//! No output is kept without ticks. The thread that keeps output stores that, and then looks whether the warden still
//! calls; the warden stores that it calls no more, and then looks for kept output. One of the two sees what the other
//! has stored, and only one of them asks for more ticks, because that is a swap. `interleavings` tries the orders.

use std::ptr;

use super::sync::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// The maximum number of bytes that are kept.
const MOST: usize = 64 << 10;

/// How many ticks follow the last output that was kept, so that a busy connection seldom asks for them.
pub(super) const IDLE: u32 = 20;

/// Changes under the lock of the connection, except for [`on_tick`](Self::on_tick).
#[derive(Default)]
pub(super) struct Collector {
    /// The [token](this_thread) of the thread; 0 while output is not collected.
    thread: AtomicUsize,
    /// Whether output is kept.
    kept: AtomicBool,
    /// Whether the last write left output, so that nothing is kept until the socket accepts it.
    blocked: AtomicBool,
    /// How many ticks have begun since the kept output, or the last that was kept, began to be kept.
    ticks: AtomicU32,
    /// Whether the warden calls at every tick, or is asked to.
    ticking: AtomicBool,
}

impl Collector {
    /// Begins or ends collecting the output of this thread.
    pub(super) fn set(&self, collects: bool) {
        let thread = if collects { this_thread() } else { 0 };
        self.thread.store(thread, Ordering::Relaxed);
    }

    pub(super) fn is_this_thread(&self) -> bool {
        self.thread.load(Ordering::Relaxed) == this_thread()
    }

    /// Returns whether output is kept.
    pub(super) fn has_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    /// Returns whether `unwritten` bytes may be kept.
    pub(super) fn has_room(&self, unwritten: usize) -> bool {
        unwritten <= MOST && !self.blocked.load(Ordering::Relaxed)
    }

    /// Records that output is kept. Returns whether to ask the warden for ticks.
    pub(super) fn keep(&self) -> bool {
        if self.has_kept() {
            return false;
        }
        self.ticks.store(0, Ordering::Relaxed);
        self.kept.store(true, Ordering::SeqCst);
        !self.ticking.swap(true, Ordering::SeqCst)
    }

    /// Records that no output is kept any more, and whether some is left because the socket accepts no more.
    pub(super) fn wrote(&self, blocked: bool) {
        self.kept.store(false, Ordering::Relaxed);
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    /// Counts a tick. Calls `write` if output was kept before the last one. Returns whether more ticks are wanted.
    pub(super) fn on_tick(&self, write: impl FnOnce()) -> bool {
        let ticks = self.ticks.fetch_add(1, Ordering::Relaxed);
        if ticks > 0 && self.has_kept() {
            write();
        }
        ticks < IDLE || !self.end_ticks()
    }

    /// Ends the ticks. Returns `false` if they must go on, because output is kept again.
    fn end_ticks(&self) -> bool {
        self.ticking.store(false, Ordering::SeqCst);
        !self.kept.load(Ordering::SeqCst) || self.ticking.swap(true, Ordering::SeqCst)
    }
}

/// Returns a number that no other living thread has; never 0.
fn this_thread() -> usize {
    thread_local!(static TOKEN: u8 = const { 0 });
    TOKEN.with(|token| ptr::from_ref(token).addr())
}
