//! What an endpoint has to write, and what becomes of it.

use core::time::Duration;

use super::Endpoint;
use crate::Role;

impl<R: Role> Endpoint<R> {
    /// Returns the next bytes to write; nothing if there are none. Once they are written, there may be more.
    #[inline]
    pub fn pending(&mut self) -> &[u8] {
        match &mut self.outbox {
            Some(outbox) => outbox.output.pending(),
            None => &[],
        }
    }

    /// Tells that the transport has taken the first `len` bytes of what is [pending](Self::pending).
    #[inline]
    pub fn wrote(&mut self, len: usize, now: Duration) {
        if let Some(outbox) = &mut self.outbox
            && outbox.wrote(len, now)
        {
            self.session.ping_delayed(now);
        }
        self.settle(now);
    }

    /// Tells that the transport takes no more at the moment, although something is
    /// [pending](Self::pending). Once it takes more, the peer is alive, and a Pong may still be on its way
    /// behind everything that the transport holds.
    #[inline]
    pub fn write_blocked(&mut self) {
        if let Some(outbox) = &mut self.outbox {
            outbox.blocked = true;
        }
    }

    /// Tells that nothing more can be written. What is unwritten is lost; what the peer wrote before it
    /// went away can still be read, perhaps a Close.
    pub fn write_failed(&mut self) {
        self.outbox.get_or_insert_default().failed = true;
        self.owing(|_, _| ());
        self.tell_end(Duration::ZERO);
    }

    /// Does what is due after bytes were written, or the input has ended: sends the Pong that waits, and
    /// tells the session that all is written, if it is.
    #[inline]
    pub(super) fn settle(&mut self, now: Duration) {
        let mark = self.mark();
        if let Some(outbox) = &mut self.outbox
            && outbox.owed() <= mark
        {
            outbox.stalled_since = None;
            if let Some(payload) = outbox.late_pong.take() {
                // Nothing is owed to a peer that is closing.
                let _ = self.owing(|session, out| session.sender()?.pong(&payload, out));
            }
        }
        if !self.has_failed() && self.unwritten() == 0 {
            self.session.flushed(now);
        }
        self.tell_end(now);
    }

    /// Returns how many bytes wait to be written.
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

    /// Whether writing has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.failed)
    }
}
