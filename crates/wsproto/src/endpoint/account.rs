//! The account of an endpoint: what waits to be written, and what waits to be read until it is.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use crate::outbox::Output;

/// The output of an [`Endpoint`](crate::Endpoint), and the input that has to wait for it.
#[derive(Debug, Default)]
pub struct Outbox {
    pub(super) output: Output,
    /// How many unwritten bytes are owed to the peer; the rest the application sent by itself. Bytes that
    /// are written count as owed first, so that nothing is ever taken for owed that is not.
    owed: usize,
    /// How many bytes could not be written.
    lost: usize,
    /// How many of the unwritten bytes end with a Ping of the keep-alive.
    ping_behind: usize,
    /// The last time the peer took something, while that is waited for.
    pub(super) stalled_since: Option<Duration>,
    /// The payload of the newest Ping that was not answered yet.
    pub(super) late_pong: Option<Vec<u8>>,
    /// The memory of a message that was sent.
    pub(super) spare: Vec<u8>,
    held: Held,
    /// Whether what the application sends is an answer to a message.
    pub(super) answering: bool,
    /// Whether the application was told to wait until everything is written.
    pub(super) awaited: bool,
    /// Whether writing has failed: what is appended goes nowhere.
    pub(super) failed: bool,
    /// Whether nothing more can be read, and the session does not know it yet.
    pub(super) ended: bool,
    /// Whether the transport took no more when it was last tried: it takes more once the peer does.
    pub(super) blocked: bool,
}

/// Whose account bytes are put to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// They are owed to the peer.
    Owed,
    /// The application sends them by itself.
    Own,
}

/// Input that waits.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    taken: usize,
}

impl Held {
    pub(super) const fn is_empty(&self) -> bool {
        self.taken >= self.bytes.len()
    }

    pub(super) fn rest(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.taken..).unwrap_or_default()
    }
}

impl Outbox {
    /// Returns how many unwritten bytes are owed.
    #[inline]
    pub(super) const fn owed(&self) -> usize {
        self.owed
    }

    /// Returns how many unwritten bytes the application sent by itself.
    #[inline]
    pub(super) fn own(&self) -> usize {
        self.output.len() - self.owed
    }

    /// Returns how many bytes could not be written.
    pub(super) const fn lost(&self) -> usize {
        self.lost
    }

    /// Whether events may be taken out of the input as it comes: nothing is held, little is owed, and the
    /// transport is whole.
    #[inline]
    pub(super) const fn is_quiet(&self, mark: usize) -> bool {
        self.owed <= mark && self.held.is_empty() && !self.failed && !self.ended
    }

    /// Whether nothing is in it.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.output.is_empty()
            && self.lost == 0
            && self.held.is_empty()
            && self.late_pong.is_none()
            && !self.awaited
            && !self.failed
            && !self.ended
    }

    pub(super) const fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Keeps input, behind what is kept already.
    pub(super) fn hold(&mut self, input: &mut &mut [u8]) {
        let input: &mut [u8] = mem::take(input);
        self.held.bytes.extend_from_slice(input);
    }

    pub(super) const fn take_held(&mut self) -> Held {
        mem::replace(&mut self.held, Held { bytes: Vec::new(), taken: 0 })
    }

    /// Keeps the last `left` bytes of what was held before.
    pub(super) fn hold_again(&mut self, mut held: Held, left: usize) {
        if left > 0 {
            held.taken = held.bytes.len().saturating_sub(left);
            self.held = held;
        }
    }

    /// Returns the account of what the application sends now.
    #[inline]
    pub(super) const fn account(&self) -> Account {
        if self.answering { Account::Owed } else { Account::Own }
    }

    /// Lets frames be appended, and counts them.
    #[inline]
    pub(super) fn append<T>(
        &mut self,
        account: Account,
        append: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> T {
        let (result, grown) = self.output.append(append);
        self.count(account, grown);
        result
    }

    /// Counts bytes that were added to the output.
    #[inline]
    pub(super) fn count(&mut self, account: Account, len: usize) {
        if account == Account::Owed {
            self.owed += len;
        }
        self.owed = self.owed.min(self.output.len());
    }

    /// Notes that everything ends with a Ping of the keep-alive.
    pub(super) fn end_with_ping(&mut self) {
        self.ping_behind = self.output.len();
    }

    /// Notes that bytes were written. Returns whether that is a reason to wait longer for a Pong: they were in
    /// front of the Ping, or part of it; or the transport has taken none for a while, so that the peer has
    /// taken some.
    #[inline]
    pub(super) fn wrote(&mut self, len: usize, now: Duration) -> bool {
        let len = self.output.advance(len);
        self.owed = self.owed.saturating_sub(len);
        if len > 0
            && let Some(since) = &mut self.stalled_since
        {
            *since = now.max(*since);
        }
        let delayed = len > 0 && (self.ping_behind > 0 || mem::take(&mut self.blocked));
        self.ping_behind = self.ping_behind.saturating_sub(len);
        delayed
    }

    /// Whether the last Ping of the keep-alive has left.
    pub(super) const fn ping_has_left(&self) -> bool {
        self.ping_behind == 0
    }

    /// Gives up what is unwritten.
    pub(super) fn lose(&mut self) {
        self.lost = self.lost.saturating_add(self.output.len());
        (self.owed, self.ping_behind) = (0, 0);
        self.stalled_since = None;
        self.late_pong = None;
        self.output.clear();
    }
}
