//! The account of an endpoint: what waits to be written, and what waits to be read until it is.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use crate::outbox::Output;

/// The output of an [`Endpoint`](crate::Endpoint), and the input that has to wait for it.
#[derive(Debug, Default)]
pub struct Outbox {
    pub(super) output: Output,
    /// How many unwritten bytes are owed to the peer. Bytes that are written count as these first, so that
    /// nothing is ever taken for owed that the application sent by itself.
    pub(super) owed: usize,
    /// How many unwritten bytes the application sent by itself.
    pub(super) own: usize,
    /// How many bytes could not be written.
    pub(super) lost: usize,
    /// How many of the unwritten bytes end with a Ping of the keep-alive.
    pub(super) ping_behind: usize,
    /// The last time the peer took something, while that is waited for.
    pub(super) stalled_since: Option<Duration>,
    /// The payload of the newest Ping that was not answered yet.
    pub(super) late_pong: Option<Vec<u8>>,
    /// Whether the application was told to wait until everything is written.
    pub(super) awaited: bool,
    /// The memory of a message that was sent.
    pub(super) spare: Vec<u8>,
    held: Held,
}

/// Input that waits.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    taken: usize,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.taken >= self.bytes.len()
    }

    pub(super) fn rest(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.taken..).unwrap_or_default()
    }
}

impl Outbox {
    /// Whether events may be taken out of the input as it comes: nothing is held, and little is owed.
    #[inline]
    pub(super) fn is_quiet(&self, mark: usize) -> bool {
        self.owed <= mark && self.held.bytes.is_empty()
    }

    /// Whether nothing is in it.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.output.is_empty()
            && self.lost == 0
            && self.held.bytes.is_empty()
            && self.late_pong.is_none()
            && !self.awaited
    }

    pub(super) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Puts input behind the input that waits, if any does.
    pub(super) fn hold_behind(&mut self, input: &mut &mut [u8]) {
        if self.has_held() {
            self.hold(input);
        }
    }

    /// Keeps input.
    pub(super) fn hold(&mut self, input: &mut &mut [u8]) {
        let input: &mut [u8] = mem::take(input);
        self.held.bytes.extend_from_slice(input);
    }

    pub(super) fn take_held(&mut self) -> Held {
        mem::take(&mut self.held)
    }

    /// Keeps the last `left` bytes of what was held before.
    pub(super) fn hold_again(&mut self, mut held: Held, left: usize) {
        if left > 0 {
            held.taken = held.bytes.len() - left;
            self.held = held;
        }
    }

    pub(super) fn begin_stall(&mut self, now: Duration) {
        self.stalled_since.get_or_insert(now);
    }

    /// Notes that bytes were written. Returns whether they were in front of a Ping.
    #[inline]
    pub(super) fn wrote(&mut self, len: usize, now: Duration) -> bool {
        self.output.advance(len);
        let owed = len.min(self.owed);
        self.owed -= owed;
        self.own = self.own.saturating_sub(len - owed);
        if let Some(since) = &mut self.stalled_since {
            *since = now;
        }
        let delayed = self.ping_behind > 0;
        self.ping_behind = self.ping_behind.saturating_sub(len);
        delayed
    }

    /// Gives up what is unwritten.
    pub(super) fn lose(&mut self) {
        self.lost += self.owed + self.own;
        (self.owed, self.own, self.ping_behind) = (0, 0, 0);
        self.stalled_since = None;
        self.late_pong = None;
        self.output.clear();
    }
}
