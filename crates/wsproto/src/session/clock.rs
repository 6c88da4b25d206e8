//! How time moves a session on.

use alloc::vec::Vec;
use core::time::Duration;

use super::timer::Timer;
use super::{Session, Stage};
use crate::closing::{Closing, Initiator};
use crate::{CloseCode, Role, SessionError};

impl<R: Role> Session<R> {
    /// Returns when to call [`handle_timeout`](Self::handle_timeout), unless something happens before.
    ///
    /// May change after every other call that takes `&mut self`: look at it again before each wait. A
    /// Close that was sent through [`sender`](Self::sender) begins the closing handshake, and so its
    /// deadline, too.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        // A Close that was sent through `sender` begins its deadline at the latest time that is known.
        if self.closes_untimed() {
            return Timer::closing(self.now, &self.config).deadline();
        }
        self.timer.deadline()
    }

    /// Does what is due at `now`, if anything is: gives up a handshake, sends a Ping, or ends the
    /// session. Appends at most one frame or HTTP response to `out`, to be written.
    pub fn handle_timeout(&mut self, now: Duration, out: &mut Vec<u8>) {
        self.watch_closing(now);
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match (self.timer, &mut self.stage) {
            (Timer::Handshake { .. }, _) => {
                self.give_up_handshake(SessionError::HandshakeTimeout, now, out);
            }
            (Timer::Ping { number, .. }, Stage::Open(connection)) => {
                if connection.ping(&number.to_be_bytes(), out).is_ok() {
                    self.timer.await_pong(now.into(), &self.config);
                    self.detour |= Self::AWAITS_PONG;
                } else {
                    self.timer = Timer::Off;
                }
            }
            (Timer::Pong { .. }, Stage::Open(connection)) => {
                if self.timer.extend(&self.config) {
                    return;
                }
                connection.sender().give_up(CloseCode::INTERNAL_ERROR, "keep-alive timeout", out);
                self.end(Initiator::Local);
                self.rare().error = Some(SessionError::KeepAliveTimeout);
                // The peer is not there: nobody waits for it.
                self.conclude(now.into());
            }
            (Timer::Linger { .. }, _) => self.finish(None, Initiator::Local),
            (_, Stage::Open(connection)) => {
                let error =
                    (connection.closing() == Closing::Sent).then_some(SessionError::CloseTimeout);
                self.finish(error, Initiator::Local);
            }
            _ => self.finish(None, Initiator::Local),
        }
    }

    /// Tells the session that the peer took some of the output in front of a Ping, which has not left
    /// yet: the patience for its Pong begins anew. [`Endpoint`](crate::Endpoint) does this by itself.
    pub fn ping_delayed(&mut self, now: Duration) {
        if let Timer::Pong { .. } = self.timer {
            self.timer.await_pong(now.into(), &self.config);
        }
    }

    /// Notes the time, and limits that of the closing handshake, from the first call after it began.
    #[inline]
    pub(super) fn watch_closing(&mut self, now: Duration) {
        self.now = self.now.max(now.into());
        self.limit_closing();
    }

    #[inline]
    pub(super) fn limit_closing(&mut self) {
        if self.closes_untimed() {
            // All others than a Close through `sender` have set `end` before.
            self.end(Initiator::Local);
            self.timer = Timer::closing(self.now, &self.config);
        }
    }

    /// Whether the closing handshake has begun, and its time is not limited yet.
    pub(super) fn closes_untimed(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.closing() != Closing::Open)
            && !self.timer.is_closing()
    }
}
