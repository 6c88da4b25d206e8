//! Counts of messages and bytes. Counting a message writes no memory that another thread writes.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wsproto::OutputCounts;

use crate::{ServerHandle, ServerStats};

/// The messages and bytes of a server's connections on one loop or thread.
///
/// Only one thread at a time may count input, and only one may count output: that of the loop, or the one that
/// holds the lock of the connection. So counting is an addition; other threads only read.
#[derive(Debug, Default)]
pub struct Traffic {
    messages_in: AtomicU64,
    bytes_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_out: AtomicU64,
}

fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
}

impl Traffic {
    /// Counts received messages and bytes.
    pub fn received(&self, messages: u64, bytes: u64) {
        add(&self.messages_in, messages);
        add(&self.bytes_in, bytes);
    }

    /// Counts sent messages and written bytes.
    pub fn sent(&self, counts: OutputCounts) {
        add(&self.messages_out, counts.messages);
        add(&self.bytes_out, counts.bytes);
    }

    pub(crate) fn add_to(&self, stats: &mut ServerStats) {
        stats.messages_in += self.messages_in.load(Relaxed);
        stats.bytes_in += self.bytes_in.load(Relaxed);
        stats.messages_out += self.messages_out.load(Relaxed);
        stats.bytes_out += self.bytes_out.load(Relaxed);
    }
}

/// The [`Traffic`] lent to a loop or a connection. Once this value is dropped, another one counts on with it.
#[derive(Debug)]
pub struct TrafficLease {
    server: ServerHandle,
    traffic: Arc<Traffic>,
}

impl TrafficLease {
    pub(super) fn new(server: &ServerHandle) -> Self {
        Self { traffic: server.counters().begin_traffic(), server: server.clone() }
    }
}

impl Deref for TrafficLease {
    type Target = Traffic;

    fn deref(&self) -> &Traffic {
        &self.traffic
    }
}

impl Drop for TrafficLease {
    fn drop(&mut self) {
        self.server.counters().end_traffic(&self.traffic);
    }
}
