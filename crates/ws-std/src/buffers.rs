//! Buffers for input, shared by all threads: only those that have read something hold one.

use parking_lot::Mutex;
use ws_common::adapter::READ_SIZE;

/// How many unused buffers are kept at most: 4 MiB.
const MOST: usize = 64;

static POOL: Mutex<Pool> = Mutex::new(Pool { users: 0, unused: Vec::new() });

struct Pool {
    /// How many connections there are.
    users: usize,
    /// No more than there are users.
    unused: Vec<Box<[u8]>>,
}

/// Counts a connection, which may [`take`] a buffer until it [leaves](leave).
pub(crate) fn join() {
    POOL.lock().users += 1;
}

/// Ends the use of a connection. After the last one, no buffer is kept.
pub(crate) fn leave() {
    let mut pool = POOL.lock();
    pool.users -= 1;
    let most = pool.users.min(MOST);
    let dropped = (pool.unused.len() > most).then(|| pool.unused.split_off(most));
    if most == 0 {
        pool.unused = Vec::new();
    }
    drop(pool);
    drop(dropped);
}

/// Returns a buffer of [`READ_SIZE`] bytes. It may hold bytes of another connection: pass on only what is read into it.
pub(crate) fn take() -> Box<[u8]> {
    let unused = POOL.lock().unused.pop();
    unused.unwrap_or_else(|| vec![0; READ_SIZE].into())
}

/// Keeps a buffer for the next thread that reads, if it is one of [`take`].
pub(crate) fn give(buffer: Box<[u8]>) {
    if buffer.is_empty() {
        return;
    }
    let mut pool = POOL.lock();
    if pool.unused.len() < pool.users.min(MOST) {
        pool.unused.push(buffer);
    }
}
