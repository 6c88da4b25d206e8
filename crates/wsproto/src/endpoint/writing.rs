//! An endpoint's output.

use core::mem;
use core::time::Duration;

use super::{Endpoint, OutputCounts};
use crate::{ReadyState, Role};

impl<R: Role> Endpoint<R> {
    /// Returns the next bytes to write, empty if there are none. Once they are written, there may
    /// be more. They may end with a header whose large payload comes next: where vectored writes
    /// are possible, [`pending_slices`](Self::pending_slices) sends both at once.
    #[inline]
    pub fn pending(&mut self) -> &[u8] {
        let [pending] = self.pending_slices();
        pending
    }

    /// Returns the next bytes to write as up to `N` slices, the first of which is [`pending`](Self::pending).
    /// A vectored write sends a large payload together with its header, and several prepared messages
    /// together. A slice after an empty one is empty.
    #[inline]
    pub fn pending_slices<const N: usize>(&mut self) -> [&[u8]; N] {
        match &mut self.outbox {
            Some(outbox) => outbox.output.pending(),
            None => [&[]; N],
        }
    }

    /// Tells the endpoint that the transport has accepted the first `len` of the
    /// [pending](Self::pending) bytes, or of all [slices](Self::pending_slices).
    #[inline]
    pub fn wrote(&mut self, len: usize, now: Duration) {
        if let Some(outbox) = &mut self.outbox
            && outbox.wrote(len, now)
        {
            self.session.ping_delayed(now);
        }
        if len > 0 {
            self.session.output_moved(now);
        }
        self.after_change(now);
    }

    /// Returns whether a deadline may follow from the time of a write: that of [`wrote`](Self::wrote), and of
    /// [`next_event`](Self::next_event) without input after it. Otherwise, a loop may pass an earlier time to
    /// both, and not look at the clock. Ask before the write.
    #[must_use]
    #[inline]
    pub fn needs_time(&self) -> bool {
        self.ready_state() != ReadyState::Open
            || self.outbox.as_ref().is_some_and(|outbox| outbox.needs_time(self.mark()))
    }

    /// Tells the endpoint that the transport accepts no more bytes at the moment, although some are
    /// [pending](Self::pending). Once it accepts more, the peer is alive, and its Pong may still wait
    /// behind everything that the transport holds.
    #[inline]
    pub fn write_blocked(&mut self) {
        if let Some(outbox) = &mut self.outbox {
            outbox.blocked = true;
        }
    }

    /// Tells the endpoint that nothing more can be written. Unwritten bytes are lost; bytes that
    /// the peer sent before it went away can still be read, perhaps including a Close.
    pub fn write_failed(&mut self) {
        self.outbox.get_or_insert_default().failed = true;
        self.append_reply(|_, _| ());
        self.report_end(Duration::ZERO);
    }

    /// Updates the state after bytes were written or the input ended: sends the deferred Pong, and
    /// tells the session if everything is written.
    #[inline]
    pub(super) fn after_change(&mut self, now: Duration) {
        let mark = self.mark();
        if let Some(outbox) = &mut self.outbox {
            if outbox.unwritten_replies() <= mark {
                outbox.stalled_since = None;
            }
            if outbox.deferred_pong.is_some()
                && !outbox.delays_pong(mark)
                && let Some(payload) = outbox.deferred_pong.take()
            {
                // A closing peer gets no Pong.
                let _ = self.append_reply(|session, out| session.sender()?.pong(&payload, out));
            }
        }
        if !self.has_failed() && self.unwritten() == 0 {
            self.session.flushed(now);
        }
        self.report_end(now);
    }

    /// Takes the counts of messages sent and bytes written. They belong to the buffer: a loop that shares
    /// one among connections takes them before it [reclaims](Self::reclaim) the buffer.
    #[inline]
    pub fn take_output_counts(&mut self) -> OutputCounts {
        self.outbox.as_mut().map(|outbox| mem::take(&mut outbox.counts)).unwrap_or_default()
    }

    /// Returns how many bytes are unwritten.
    #[must_use]
    #[inline]
    pub fn unwritten(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.output.len())
    }

    /// Returns how many bytes could not be written.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.lost())
    }

    /// Returns whether writing has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.failed)
    }
}
