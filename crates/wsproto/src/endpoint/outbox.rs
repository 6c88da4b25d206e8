//! The unwritten output of an endpoint, and the input deferred until it is written.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use core::{fmt, mem};

use crate::output::Output;

/// The output of an [`Endpoint`](crate::Endpoint), and its deferred input.
#[derive(Default)]
pub struct Outbox {
    pub(super) output: Output,
    /// How many unwritten bytes are replies; the rest are unsolicited. Bytes written count as
    /// replies first, so unsolicited bytes are never counted as replies.
    unwritten_replies: usize,
    pub(super) counts: OutputCounts,
    /// How many bytes could not be written.
    lost: usize,
    /// How many unwritten bytes there are up to the end of a keep-alive Ping.
    ping_behind: usize,
    /// While more replies than the mark are unwritten: when the peer last read something, or when the
    /// wait for that began.
    pub(super) stalled_since: Option<Duration>,
    /// The payload of the newest Ping that is still unanswered.
    pub(super) deferred_pong: Option<Vec<u8>>,
    /// The memory of a sent text, for reuse.
    pub(super) spare_text: String,
    /// The memory of a sent binary message, for reuse.
    pub(super) spare_binary: Vec<u8>,
    deferred: DeferredInput,
    /// Whether the application has paused reading.
    pub(super) paused: bool,
    /// Whether the application's messages count as replies.
    pub(super) answering: bool,
    /// Whether the application was told to wait until everything is written.
    pub(super) awaited: bool,
    /// Whether writing has failed: appended bytes are lost.
    pub(super) failed: bool,
    /// Whether nothing more can be read, and the session has not been told yet.
    pub(super) ended: bool,
    /// Whether the transport accepted no more bytes when it was last tried.
    pub(super) blocked: bool,
}

/// The messages sent and the bytes written since they were last
/// [taken](crate::Endpoint::take_output_counts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputCounts {
    /// How many whole messages were sent.
    pub messages: u64,
    /// How many bytes were written.
    pub bytes: u64,
}

/// The two kinds of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputKind {
    /// Replies: they count against reading.
    Reply,
    /// Sent on the application's own initiative.
    Unsolicited,
}

/// Input that was read and is not processed yet.
#[derive(Default)]
pub(super) struct DeferredInput {
    bytes: Vec<u8>,
    taken: usize,
}

impl DeferredInput {
    pub(super) const fn is_empty(&self) -> bool {
        self.taken >= self.bytes.len()
    }

    pub(super) fn rest(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.taken..).unwrap_or_default()
    }
}

/// Shows lengths only.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("output", &self.output)
            .field("unwritten_replies", &self.unwritten_replies)
            .field("lost", &self.lost)
            .field("has_deferred", &self.has_deferred())
            .field("paused", &self.paused)
            .field("failed", &self.failed)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Outbox {
    /// Returns about how many bytes of memory it takes, for loops that keep some for reuse.
    #[must_use]
    pub fn memory(&self) -> usize {
        let texts = self.spare_text.capacity() + self.spare_binary.capacity();
        size_of::<Self>() + self.output.capacity() + self.deferred.bytes.capacity() + texts
    }

    /// Returns how many unwritten bytes are replies.
    #[inline]
    pub(super) const fn unwritten_replies(&self) -> usize {
        self.unwritten_replies
    }

    /// Returns how many unwritten bytes the application sent on its own initiative.
    #[inline]
    pub(super) fn unsolicited(&self) -> usize {
        self.output.len() - self.unwritten_replies
    }

    /// Returns how many bytes could not be written.
    pub(super) const fn lost(&self) -> usize {
        self.lost
    }

    /// Returns whether events may be taken directly out of the input: no input is deferred, few
    /// replies are unwritten, and the transport has not failed or ended.
    #[inline]
    pub(super) const fn is_quiet(&self, mark: usize) -> bool {
        self.unwritten_replies <= mark
            && self.deferred.is_empty()
            && !self.failed
            && !self.ended
            && !self.paused
    }

    /// Returns whether a deadline may follow from the time of a write, or of the events after it.
    #[inline]
    pub(super) const fn needs_time(&self, mark: usize) -> bool {
        !self.is_quiet(mark) || self.blocked || !self.ping_has_left()
    }

    /// Returns whether the outbox holds no data and no state.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.output.is_empty()
            && self.lost == 0
            && self.deferred.is_empty()
            && self.deferred_pong.is_none()
            && !self.answering
            && !self.awaited
            && !self.paused
            && !self.failed
            && !self.ended
    }

    /// Returns the memory of an outbox that holds state, but no data. Not while its messages count as replies: the next
    /// one is likely to follow soon.
    pub(super) fn take_memory(&mut self) -> Option<Self> {
        let is_empty =
            self.output.is_empty() && self.deferred.is_empty() && self.deferred_pong.is_none();
        if !is_empty || self.answering || self.memory() == size_of::<Self>() {
            return None;
        }
        Some(Self {
            output: mem::take(&mut self.output),
            spare_text: mem::take(&mut self.spare_text),
            spare_binary: mem::take(&mut self.spare_binary),
            deferred: self.take_deferred(),
            ..Self::default()
        })
    }

    pub(super) const fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// Defers input, after any already deferred.
    pub(super) fn defer(&mut self, input: &mut &mut [u8]) {
        let input: &mut [u8] = mem::take(input);
        self.deferred.bytes.extend_from_slice(input);
    }

    pub(super) const fn take_deferred(&mut self) -> DeferredInput {
        mem::replace(&mut self.deferred, DeferredInput { bytes: Vec::new(), taken: 0 })
    }

    /// Defers the last `left` bytes of `input` again.
    pub(super) fn defer_again(&mut self, mut deferred: DeferredInput, left: usize) {
        if left > 0 {
            deferred.taken = deferred.bytes.len().saturating_sub(left);
            self.deferred = deferred;
        }
    }

    /// Returns the kind of the application's next output.
    #[inline]
    pub(super) const fn output_kind(&self) -> OutputKind {
        if self.answering { OutputKind::Reply } else { OutputKind::Unsolicited }
    }

    /// Calls `append` with the buffer, and counts the appended bytes.
    #[inline]
    pub(super) fn append<T>(
        &mut self,
        kind: OutputKind,
        append: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> T {
        let (result, grown) = self.output.append(append);
        if let Some(grown) = grown {
            self.count(kind, grown);
        }
        result
    }

    /// Calls `append`, which appends at most one frame, and counts its bytes. A Ping or Pong leaves between
    /// two fragments, if some are unwritten.
    pub(super) fn append_frame<T>(
        &mut self,
        kind: OutputKind,
        append: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> T {
        let (result, grown) = self.output.append_frame(append);
        if let Some(grown) = grown {
            self.count(kind, grown);
        }
        result
    }

    /// Counts bytes that were added to the output.
    #[inline]
    pub(super) fn count(&mut self, kind: OutputKind, len: usize) {
        if kind == OutputKind::Reply {
            self.unwritten_replies += len;
        }
        self.unwritten_replies = self.unwritten_replies.min(self.output.len());
    }

    /// Returns whether a client's Pong would wait behind more replies than the mark, so that only the newest
    /// Ping is answered, later.
    pub(super) fn delays_pong(&self, mark: usize) -> bool {
        self.unwritten_replies > mark && self.output.before_control() > mark
    }

    /// Records that the last appended frame is a keep-alive Ping.
    pub(super) fn ping_appended(&mut self) {
        self.ping_behind = self.output.before_control();
    }

    /// Removes written bytes from the output. Returns whether they are a reason to wait longer for a
    /// Pong: they were in front of the Ping, or part of it, or the transport was blocked before, so
    /// the peer has read some of what it held.
    #[inline]
    pub(super) fn wrote(&mut self, len: usize, now: Duration) -> bool {
        let len = self.output.advance(len);
        self.counts.bytes += len as u64;
        self.unwritten_replies = self.unwritten_replies.saturating_sub(len);
        if len > 0 {
            self.stalled_since = Some(self.stalled_since.map_or(now, |since| since.max(now)));
        }
        let delayed = len > 0 && (mem::take(&mut self.blocked) || self.ping_behind > 0);
        self.ping_behind = self.ping_behind.saturating_sub(len);
        delayed
    }

    /// Returns whether the last keep-alive Ping has left.
    pub(super) const fn ping_has_left(&self) -> bool {
        self.ping_behind == 0
    }

    /// Discards all unwritten bytes.
    pub(super) fn lose(&mut self) {
        self.lost = self.lost.saturating_add(self.output.len());
        (self.unwritten_replies, self.ping_behind) = (0, 0);
        self.stalled_since = None;
        self.deferred_pong = None;
        self.output.clear();
    }
}
