//! Buffers for input, shared by all threads: only those that have read something hold one.

use parking_lot::Mutex;
use ws_common::adapter::READ_SIZE;

/// How many unused buffers are kept: 4 MiB.
const MOST: usize = 64;

static UNUSED: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// Returns a buffer of [`READ_SIZE`] bytes. It may hold bytes of another connection: pass on only what is read into it.
pub(crate) fn take() -> Box<[u8]> {
    let unused = UNUSED.lock().pop();
    unused.unwrap_or_else(|| vec![0; READ_SIZE].into())
}

/// Keeps a buffer for the next thread that reads, if it is one of [`take`].
pub(crate) fn give(buffer: Box<[u8]>) {
    if buffer.is_empty() {
        return;
    }
    let mut unused = UNUSED.lock();
    if unused.len() < MOST {
        unused.push(buffer);
    }
}
