//! Locks and atomics of the parts that `interleavings` compiles once more, with those of a deterministic scheduler.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub(crate) use parking_lot::{Condvar, Mutex};
