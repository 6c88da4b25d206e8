//! Outboxes of the thread that no connection uses.

use std::cell::RefCell;

use wsproto::{Endpoint, Outbox, Role};

/// How much memory a thread keeps in unused outboxes, in bytes: that of some 2000 which have held small messages.
const MOST: usize = 1 << 20;

/// The largest outbox that is kept, in bytes, when there are others.
const LARGEST: usize = 8 << 10;

thread_local! {
    static UNUSED: RefCell<Unused> = const { RefCell::new(Unused { outboxes: Vec::new(), memory: 0 }) };
}

#[expect(clippy::vec_box, reason = "endpoints hold boxes, which move in and out")]
struct Unused {
    outboxes: Vec<Box<Outbox>>,
    memory: usize,
}

/// Lends an outbox of the thread to an endpoint that has none. So a message to thousands of connections allocates
/// nothing for each, if they have been written to before.
#[inline]
pub fn lend_outbox<R: Role>(endpoint: &mut Endpoint<R>) {
    if !endpoint.wants_outbox() {
        return;
    }
    // Fails while the thread ends.
    let _ = UNUSED.try_with(|unused| {
        let mut unused = unused.borrow_mut();
        let Some(outbox) = unused.outboxes.pop() else { return };
        unused.memory -= outbox.memory();
        endpoint.lend(&mut Some(outbox));
    });
}

/// Takes an outbox without data or state back for the thread: an idle connection has none.
#[inline]
pub fn reclaim_outbox<R: Role>(endpoint: &mut Endpoint<R>) {
    let Some(outbox) = endpoint.reclaim() else { return };
    // Fails while the thread ends.
    let _ = UNUSED.try_with(|unused| {
        let mut unused = unused.borrow_mut();
        let memory = outbox.memory();
        // The only one is used by one connection after the other, whatever its size.
        if unused.outboxes.is_empty() || memory <= LARGEST && unused.memory + memory <= MOST {
            unused.memory += memory;
            unused.outboxes.push(outbox);
        }
    });
}
