//! The heap of the whole process, counted: of the server, and of a client that allocates next to
//! nothing. Stacks of threads and buffers of the operating system are not in it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use peak_alloc::PeakAlloc;

/// Counts what was asked for. A block that grows counts as the old and the new one for a moment, as
/// when it has to be moved.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

static ALONE: Mutex<()> = Mutex::new(());

/// Waits for the turn of a flood: what two take at a time would be counted for both.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    // A flood that has failed is over as well.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many bytes are allocated.
pub(crate) fn live() -> usize {
    HEAP.current_usage()
}

/// Counts what is taken from a certain moment on.
pub(crate) struct Meter(usize);

impl Meter {
    pub(crate) fn start() -> Self {
        HEAP.reset_peak_usage();
        Self(live())
    }

    /// How much more is allocated now.
    pub(crate) fn held(&self) -> usize {
        live().saturating_sub(self.0)
    }

    /// How much more was allocated at most.
    pub(crate) fn peak(&self) -> usize {
        HEAP.peak_usage().saturating_sub(self.0)
    }
}
