//! The effects of time on a session.

use alloc::vec::Vec;
use core::time::Duration;

use super::timer::Timer;
use super::{Session, Stage};
use crate::closing::{Closing, Initiator};
use crate::{CloseCode, Role, SessionError};

impl<R: Role> Session<R> {
    /// Returns when to call [`handle_timeout`](Self::handle_timeout), unless something happens
    /// before.
    ///
    /// It may change after every other call that takes `&mut self`: check it again before each
    /// wait. A Close sent through [`sender`](Self::sender) also begins the closing handshake, and
    /// so changes the deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        // The deadline of a Close sent through `sender` counts from the latest time passed in.
        if self.closes_untimed() {
            return Timer::closing(self.now, &self.config).deadline();
        }
        self.timer.deadline()
    }

    /// Performs the action due at `now`, if any: gives up a handshake, sends a Ping, or ends the
    /// session. Appends at most one frame or HTTP response to `out`.
    pub fn handle_timeout(&mut self, now: Duration, out: &mut Vec<u8>) {
        self.watch_closing(now);
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        let patience = self.patience();
        match (self.timer, &mut self.stage) {
            (Timer::Handshake { .. }, _) => {
                self.give_up_handshake(SessionError::HandshakeTimeout, now, out);
            }
            (Timer::Ping { .. }, Stage::Open(_)) => {
                if self.ping_within(self.patience(), now, out).is_err() {
                    self.timer = Timer::Off;
                }
            }
            (Timer::Pong { .. }, Stage::Open(connection)) => {
                if self.timer.extend(now.into(), patience) {
                    return;
                }
                connection.sender().give_up(CloseCode::INTERNAL_ERROR, "keep-alive timeout", out);
                self.end(Initiator::Local);
                self.rare().error = Some(SessionError::KeepAliveTimeout);
                // An unresponsive peer is not waited for.
                self.conclude(now.into());
            }
            (Timer::Linger { .. }, _) => self.finish(None, Initiator::Local),
            (_, Stage::Open(connection)) => {
                let sent = connection.closing() == Closing::Sent;
                let written = self.rare.as_ref().is_some_and(|rare| rare.close_written);
                let error = match written {
                    true => SessionError::CloseTimeout,
                    // Our Close waits behind other output.
                    false => SessionError::WriteTimeout,
                };
                self.finish(sent.then_some(error), Initiator::Local);
            }
            _ => self.finish(None, Initiator::Local),
        }
    }

    /// Returns the latest time passed in.
    pub(crate) fn now(&self) -> Duration {
        self.now.into()
    }

    /// Tells the session that the peer has read some of the output in front of a Ping that has not
    /// left yet: the patience for its Pong restarts. [`Endpoint`](crate::Endpoint) calls this
    /// itself.
    pub fn ping_delayed(&mut self, now: Duration) {
        self.timer.await_pong(now.into(), self.patience());
    }

    /// Stores the time, and starts the closing deadline on the first call after the closing
    /// handshake began.
    #[inline]
    pub(super) fn watch_closing(&mut self, now: Duration) {
        self.now = self.now.max(now.into());
        self.limit_closing();
    }

    #[inline]
    pub(super) fn limit_closing(&mut self) {
        if self.closes_untimed() {
            // All other ways to close have already set `end`.
            self.end(Initiator::Local);
            self.timer = Timer::closing(self.now, &self.config);
        }
    }

    /// Returns whether the closing handshake has begun and has no deadline yet.
    pub(super) fn closes_untimed(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.closing() != Closing::Open)
            && !self.timer.is_closing()
    }
}
