//! Messages of 10 kB both ways, at full speed.

use std::time::{Duration, Instant};

use conformance::adapters::Adapter;

use crate::HEAP;
use crate::liveness::{MIB, both_send, streams};

/// What both ends may hold: the mark, what one read takes, and a few messages on their way, each while it
/// grows; for either direction, at either end.
const MEMORY: usize = 4 * 3 * ((64 << 10) + (64 << 10) + 4 * 10_000);

// L1: for ten seconds; the rules are those of `streams`, and the heap does not grow with what is sent.
pub(crate) fn ten_seconds_both_ways<S: Adapter, C: Adapter>() {
    // What a process, and a pair of ends, need once.
    streams::<S, C>(true, |received| received > 10_000);
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let until = Instant::now() + Duration::from_secs(10);
    streams::<S, C>(true, |_| Instant::now() > until);
    let peak = HEAP.peak_usage().saturating_sub(before);
    println!("{peak} bytes of {MEMORY}");
    assert!(peak <= MEMORY, "{peak} bytes held");
}

// L1
pub(crate) fn both_send_50_mb<S: Adapter, C: Adapter>() {
    both_send::<S, C>(50 * MIB, false);
    both_send::<S, C>(50 * MIB, true);
}
