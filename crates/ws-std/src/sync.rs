//! Atomics of the parts that `interleavings` compiles once more, with those of a deterministic scheduler.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
