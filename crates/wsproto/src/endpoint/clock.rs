//! The effects of time on an endpoint.

use core::time::Duration;

use super::Endpoint;
use crate::closing::Advice;
use crate::{KeepAlive, Role, SendError};

impl<R: Role> Endpoint<R> {
    /// Changes the keep-alive of this connection, as [`Session::set_keep_alive`] does.
    ///
    /// [`Session::set_keep_alive`]: crate::Session::set_keep_alive
    pub fn set_keep_alive(&mut self, keep_alive: Option<KeepAlive>, now: Duration) {
        self.session.set_keep_alive(keep_alive, now);
    }

    /// Sends a Ping at once, and ends the connection unless its Pong arrives within `patience`, as
    /// [`Session::ping_within`] does. Each byte that the peer takes before the Ping has left restarts the
    /// patience.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the connection is not open.
    ///
    /// [`Session::ping_within`]: crate::Session::ping_within
    pub fn ping_within(&mut self, patience: Duration, now: Duration) -> Result<(), SendError> {
        self.append_reply(|session, out| session.ping_within(patience, now, out))?;
        if let Some(outbox) = &mut self.outbox {
            outbox.ping_appended();
        }
        Ok(())
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout), unless something happens
    /// before. It may change after every call that takes `&mut self`.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match (self.session.deadline(), self.stall_deadline()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Returns when to give up a peer that does not read the unwritten replies, or to begin counting.
    fn stall_deadline(&self) -> Option<Duration> {
        if !self.is_stalled() {
            return None;
        }
        let since = self.outbox.as_ref()?.stalled_since.unwrap_or_else(|| self.session.now());
        Some(since.saturating_add(self.session.config().write_timeout?))
    }

    /// Performs the action due at `now`, if any. Take events and write afterwards.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        // Without a pause, there is no such deadline.
        if self.stall_deadline().is_some_and(|deadline| deadline <= now)
            && let Some(outbox) = &mut self.outbox
        {
            if outbox.stalled_since.is_some() {
                return self.session.fail_stalled();
            }
            // The replies were sent at an unknown time. The peer has the full time from now on.
            outbox.stalled_since = Some(now);
        }
        if self.is_halted() || self.has_input() {
            // A Pong may be among the bytes not processed yet.
            self.ping_delayed(now);
        }
        let before = self.unwritten();
        self.append_reply(|session, out| session.handle_timeout(now, out));
        if self.session.advice() == Advice::KeepOpen
            && self.unwritten() > before
            && let Some(outbox) = &mut self.outbox
        {
            outbox.ping_appended();
        }
        self.after_change(now);
    }
}
