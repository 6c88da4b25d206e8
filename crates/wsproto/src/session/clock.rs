//! What a session does because of the time.

use alloc::vec::Vec;
use core::time::Duration;

use super::timer::Timer;
use super::{Session, Stage};
use crate::closing::{Closing, Initiator};
use crate::{CloseCode, Role, SessionError};

impl<R: Role> Session<R> {
    /// Returns when [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens
    /// before.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        // A Close that was sent through `sender` begins its deadline at the latest time that is known.
        if self.closes_untimed() {
            return Timer::closing(self.now, &self.config).deadline();
        }
        self.timer.deadline()
    }

    /// Does what is due at `now`, if anything is: gives up a handshake, sends a Ping, or ends the
    /// session. Appends at most one frame or HTTP response to `out`.
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
                let sent = connection.ping(&number.to_be_bytes(), out).is_ok();
                self.timer =
                    if sent { self.timer.sent(now.into(), &self.config) } else { Timer::Off };
            }
            (Timer::Pong { .. }, Stage::Open(connection)) => {
                connection.sender().give_up(CloseCode::INTERNAL_ERROR, "keep-alive timeout", out);
                self.end(Initiator::Local);
                self.rare().error = Some(SessionError::KeepAliveTimeout);
                self.watch_closing(now);
            }
            (_, Stage::Open(connection)) => {
                let error =
                    (connection.closing() == Closing::Sent).then_some(SessionError::CloseTimeout);
                self.finish(error, Initiator::Local);
            }
            _ => self.finish(None, Initiator::Local),
        }
    }

    /// Rare the time, and limits that of the closing handshake, from the first call after it began.
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
