//! Counts the heap of the whole process: of the server, and of a client that allocates almost nothing.
//! Thread stacks and buffers of the operating system are not included.

use std::ops::RangeInclusive;
use std::sync::{Barrier, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use peak_alloc::PeakAlloc;

use crate::flood::wait_until;

/// Counts requested bytes. A growing block counts twice for a moment, as if it were always moved.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

static ALONE: Mutex<()> = Mutex::new(());

/// Waits for the flood's turn: simultaneous floods would be counted together.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONCE: Once = Once::new();
    ONCE.call_once(grow_lock_table);
    conformance::adapters::use_one_thread();
    // A poisoned lock is a failed flood, which is over.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has more threads wait for a lock at once than any flood does. The table of waiting threads, one for the process,
/// grows with their number and never shrinks.
fn grow_lock_table() {
    const THREADS: usize = 512;
    let (lock, all) = (parking_lot::Mutex::new(()), Barrier::new(THREADS + 1));
    let held = lock.lock();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                // A short wait enters the thread into the table.
                drop(lock.try_lock_for(Duration::from_millis(1)));
                all.wait();
            });
        }
        all.wait();
        drop(held);
    });
}

/// Returns the allocated bytes.
pub(crate) fn live() -> usize {
    HEAP.current_usage()
}

/// Counts allocations from its start on.
pub(crate) struct Meter(usize);

impl Meter {
    pub(crate) fn start() -> Self {
        HEAP.reset_peak_usage();
        Self(live())
    }

    /// Returns the bytes allocated now, beyond those at the start.
    pub(crate) fn held(&self) -> usize {
        live().saturating_sub(self.0)
    }

    /// Waits until the bytes allocated now, beyond those at the start, are within a range.
    pub(crate) fn settle(&self, within: RangeInclusive<usize>) {
        wait_until(
            || within.contains(&self.held()),
            || format!("{} held of {within:?}", self.held()),
        );
    }

    /// Returns the most bytes allocated, beyond those at the start.
    pub(crate) fn peak(&self) -> usize {
        HEAP.peak_usage().saturating_sub(self.0)
    }
}
