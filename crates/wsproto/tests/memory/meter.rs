//! A connection whose heap is counted.

use allocation_counter::{AllocationInfo, measure};
use wsproto::{Connection, Error, Role};
use wsproto_testing::End;

/// The small constant of I4: the payload of one control frame, and the minimum capacity for a
/// message.
pub(crate) const SMALL: i64 = 1024 + 256;

/// The maximum that a failed connection holds: the details of the violation, of which the largest
/// is the reason of an invalid Close with its invalid bytes replaced.
pub(crate) const VIOLATION_SIZE: i64 = 512;

/// Counts the heap a connection holds between calls. Input and output belong to the caller and are
/// not counted.
pub(crate) struct Meter<R> {
    pub(crate) ws: Connection<R>,
    pub(crate) out: Vec<u8>,
    pub(crate) held: i64,
    pub(crate) allocations: u64,
    /// The maximum held during a call.
    pub(crate) peak: i64,
}

impl<R: Role> Meter<R> {
    pub(crate) fn new(ws: Connection<R>) -> Self {
        Self { ws, out: Vec::with_capacity(1 << 20), held: 0, allocations: 0, peak: 0 }
    }

    pub(crate) fn count(&mut self, info: AllocationInfo) {
        self.peak = self.peak.max(self.held + info.bytes_max as i64);
        self.held += info.bytes_current;
        self.allocations += info.count_total;
    }

    /// Passes in input, and drops every event.
    pub(crate) fn feed(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let mut result = Ok(());
        let mut input = bytes;
        let info = measure(|| {
            result = loop {
                match self.ws.next_event(&mut input, &mut self.out) {
                    Ok(Some(_)) => {}
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
        });
        self.count(info);
        result
    }

    /// Passes in input, as `feed` does, but lets the connection read the payload of large messages itself.
    /// Returns how many bytes it has read so.
    pub(crate) fn feed_payloads(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        let (mut rest, mut read) = (bytes, 0);
        while !rest.is_empty() {
            let mut taken = None;
            let info = measure(|| {
                taken = self.ws.read_payload(|message| {
                    let len = rest.len().min(message.capacity() - message.len());
                    message.extend_from_slice(&rest[..len]);
                    len
                });
            });
            self.count(info);
            if let Some(taken) = taken {
                rest = &mut rest[taken..];
                read += taken;
                self.feed(&mut [])?;
                continue;
            }
            let (now, later) = rest.split_at_mut(rest.len().min(1 << 16));
            self.feed(now)?;
            rest = later;
        }
        Ok(read)
    }

    /// Passes in input, as `feed` does, but takes messages in pieces.
    pub(crate) fn feed_pieces(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let mut result = Ok(());
        let mut input = bytes;
        let info = measure(|| {
            result = loop {
                match self.ws.next_piece(&mut input, &mut self.out) {
                    Ok(Some(_)) => {}
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
        });
        self.count(info);
        result
    }
}

pub(crate) fn meter<R: End>() -> Meter<R> {
    Meter::new(R::connect())
}

/// Guards against a broken counter that reports zero.
#[test]
fn the_counter_counts() {
    let mut kept = Vec::new();
    let info = measure(|| kept = vec![1_u8; 1000]);
    assert_eq!((info.count_total, info.bytes_current), (1, 1000));
    drop(kept);
}
