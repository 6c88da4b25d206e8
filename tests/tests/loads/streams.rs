//! Messages of 10 kB in both directions, at full speed.

use std::time::{Duration, Instant};

use conformance::adapters::Adapter;

use crate::HEAP;
use crate::liveness::{MIB, both_send, streams};

/// The heap that both ends may hold: for either direction, at either end, the mark, one read, and a few
/// growing messages.
const MEMORY: usize = 4 * 3 * ((64 << 10) + (64 << 10) + 4 * 10_000);

// L1: for ten seconds, by the rules of `streams`; neither direction gets less than a quarter of the other, and
// the heap does not grow with the bytes sent.
pub(crate) fn ten_seconds_both_ways<S: Adapter, C: Adapter>() {
    // Trigger allocations that are made only once.
    streams::<S, C>(true, |received| received > 2000);
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let until = Instant::now() + Duration::from_secs(10);
    let (to_server, to_client) = streams::<S, C>(true, |_| Instant::now() > until);
    let (less, more) = (to_client.min(to_server), to_client.max(to_server));
    assert!(4 * less >= more, "{to_server} up, {to_client} down");
    let peak = HEAP.peak_usage().saturating_sub(before);
    println!("{peak} bytes of {MEMORY}");
    assert!(peak <= MEMORY, "{peak} bytes held");
}

// L1
pub(crate) fn both_send_50_mb<S: Adapter, C: Adapter>() {
    both_send::<S, C>(50 * MIB, false);
    both_send::<S, C>(50 * MIB, true);
}
