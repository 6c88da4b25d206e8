//! The notices of connections to which a turn has published, put off until the end of that turn.
//!
//! What is published reaches many connections, of which some belong to other loops. Without this, such a loop would be
//! woken for the first of them. Then it would write a message to each connection while the turn publishes the next
//! one, and both threads would wait for each other at the locks of the connections.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};

use crate::shared::Shared;

/// How many bytes a connection may have unwritten without a notice. To write more at once would save little.
pub(crate) const MOST_UNWRITTEN: usize = 16 << 10;

thread_local! {
    static THREAD: Thread = const {
        Thread { is_in_turn: Cell::new(false), has_notices: Cell::new(false), loops: RefCell::new(Vec::new()) }
    };
}

struct Thread {
    is_in_turn: Cell<bool>,
    has_notices: Cell<bool>,
    /// The loops to which a turn of this thread has published.
    loops: RefCell<Vec<Notices<Shared>>>,
}

/// A loop that takes notices.
pub(crate) trait Notified {
    /// Requests a turn for each of these connections.
    fn notify_all(&self, keys: &[usize]);
}

/// The notices to a loop.
struct Notices<L> {
    to: Weak<L>,
    keys: Vec<usize>,
    /// A bit for each key, so that it is noted once.
    noted: Vec<u64>,
}

/// Puts off the notices of what this thread publishes, until it is dropped.
pub(crate) struct PuttingOff(());

impl PuttingOff {
    #[inline]
    pub(crate) fn begin() -> Self {
        // Fails while the thread ends. Then nothing is put off.
        let _ = THREAD.try_with(|thread| thread.is_in_turn.set(true));
        Self(())
    }
}

impl Drop for PuttingOff {
    #[inline]
    fn drop(&mut self) {
        let has_notices = THREAD.try_with(|thread| {
            thread.is_in_turn.set(false);
            thread.has_notices.take()
        });
        if has_notices == Ok(true) {
            give();
        }
    }
}

/// Puts off a notice. Returns false if this thread is in no turn: then the notice must be given at once.
#[inline]
pub(crate) fn put_off(to: &Arc<Shared>, key: usize) -> bool {
    let put_off = THREAD.try_with(|thread| {
        let is_in_turn = thread.is_in_turn.get();
        if is_in_turn {
            thread.has_notices.set(true);
            note(&mut thread.loops.borrow_mut(), to, key);
        }
        is_in_turn
    });
    put_off == Ok(true)
}

/// Gives all notices that were put off.
#[cold]
fn give() {
    let Ok(mut loops) = THREAD.try_with(|thread| thread.loops.take()) else { return };
    for notices in &mut loops {
        notices.give();
    }
    // The memory is used again.
    loops.retain(|notices| notices.to.strong_count() > 0);
    let _ = THREAD.try_with(|thread| thread.loops.replace(loops));
}

fn note<L>(loops: &mut Vec<Notices<L>>, to: &Arc<L>, key: usize) {
    let known = loops.iter().position(|notices| notices.to.as_ptr() == Arc::as_ptr(to));
    let at = known.unwrap_or_else(|| {
        loops.push(Notices { to: Arc::downgrade(to), keys: Vec::new(), noted: Vec::new() });
        loops.len() - 1
    });
    loops[at].note(key);
}

impl<L> Notices<L> {
    fn note(&mut self, key: usize) {
        let (at, bit) = (key / 64, 1 << (key % 64));
        if at >= self.noted.len() {
            self.noted.resize(at + 1, 0);
        }
        if self.noted[at] & bit == 0 {
            self.noted[at] |= bit;
            self.keys.push(key);
        }
    }
}

impl<L: Notified> Notices<L> {
    fn give(&mut self) {
        if let Some(to) = self.to.upgrade()
            && !self.keys.is_empty()
        {
            to.notify_all(&self.keys);
        }
        for key in self.keys.drain(..) {
            self.noted[key / 64] = 0;
        }
    }
}
