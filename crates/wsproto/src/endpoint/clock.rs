//! The effects of time on an endpoint.

use core::time::Duration;

use super::Endpoint;
use crate::Role;
use crate::closing::Advice;

impl<R: Role> Endpoint<R> {
    /// Returns when to call [`handle_timeout`](Self::handle_timeout), unless something happens
    /// before. It may change after every call that takes `&mut self`.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.session.deadline().into_iter().chain(self.stall_deadline()).min()
    }

    /// Returns when to give up a peer that does not read the unwritten replies, or to begin counting.
    fn stall_deadline(&self) -> Option<Duration> {
        if !self.is_paused() {
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
        if self.is_paused() || self.has_input() {
            // A Pong may be among the bytes not processed yet.
            self.ping_delayed(now);
        }
        let before = self.unwritten();
        self.append_reply(|session, out| session.handle_timeout(now, out));
        if self.session.advice() == Advice::KeepOpen
            && self.unwritten() > before
            && let Some(outbox) = &mut self.outbox
        {
            outbox.end_with_ping();
        }
        self.after_change(now);
    }
}
