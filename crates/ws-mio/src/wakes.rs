//! Wake-ups of loops that wait for the end of a turn.
//!
//! A turn may publish many messages to connections of several loops. If the first message woke a loop that sleeps, it
//! would write that message to its connections while the turn publishes the next ones, which then need a write each;
//! and both threads would wait for each other at the locks of the connections. So the loops are woken once the turn has
//! ended. No wake-up is lost: the notices are in the mailboxes already, so a loop that does not sleep finds them, and
//! all others are woken when the turn ends, also if it ends with a panic.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::shared::Shared;

thread_local! {
    static THREAD: Thread =
        const { Thread { is_in_turn: Cell::new(false), loops: RefCell::new(Vec::new()) } };
}

struct Thread {
    is_in_turn: Cell<bool>,
    /// The loops to be woken, each once.
    loops: RefCell<Vec<Arc<Shared>>>,
}

/// Collects the loops that [`wake_late`] is called for, and wakes them when it is dropped.
pub(crate) struct LateWakes(());

impl LateWakes {
    #[inline]
    pub(crate) fn collect() -> Self {
        // Fails while the thread ends. Then nothing is collected.
        let _ = THREAD.try_with(|thread| thread.is_in_turn.set(true));
        Self(())
    }
}

impl Drop for LateWakes {
    #[inline]
    fn drop(&mut self) {
        let _ = THREAD.try_with(|thread| {
            thread.is_in_turn.set(false);
            if !thread.loops.borrow().is_empty() {
                thread.wake();
            }
        });
    }
}

/// Wakes a loop when the turn of this thread ends. Returns false if the thread is in no turn: then the caller must wake
/// the loop.
#[inline]
pub(crate) fn wake_late(shared: &Arc<Shared>) -> bool {
    THREAD.try_with(|thread| thread.wake_late(shared)).unwrap_or(false)
}

impl Thread {
    #[inline]
    fn wake_late(&self, shared: &Arc<Shared>) -> bool {
        let is_in_turn = self.is_in_turn.get();
        if is_in_turn {
            let mut loops = self.loops.borrow_mut();
            if !loops.iter().any(|known| Arc::ptr_eq(known, shared)) {
                loops.push(Arc::clone(shared));
            }
        }
        is_in_turn
    }

    #[cold]
    fn wake(&self) {
        let mut loops = self.loops.take();
        for shared in loops.drain(..) {
            shared.wake();
        }
        // The memory is used again.
        self.loops.replace(loops);
    }
}
