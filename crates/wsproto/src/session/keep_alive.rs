//! Pings and the patience for their Pongs.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::timer::Timer;
use super::{Session, Stage};
use crate::closing::Closing;
use crate::{Config, KeepAlive, Role, SendError};

impl<R: Role> Session<R> {
    /// Changes the keep-alive of this session; `None` turns it off. The next Ping follows after an interval.
    /// A Pong that is outstanding is no longer awaited. Does nothing once the session is closing.
    pub fn set_keep_alive(&mut self, keep_alive: Option<KeepAlive>, now: Duration) {
        if self.config.keep_alive != keep_alive {
            let config = Config::clone(&self.config).keep_alive(keep_alive);
            self.config = Arc::new(config);
        }
        if self.awaits_no_close() {
            self.restart_keep_alive(now);
        }
    }

    /// Sends a Ping at once, and ends the session with
    /// [`SessionError::KeepAliveTimeout`](crate::SessionError::KeepAliveTimeout) unless its Pong arrives
    /// within `patience`; for an application that has reason to doubt that the peer is there, for example
    /// after the machine has slept. It works with and without a keep-alive. The deadline for a Pong that is
    /// already outstanding is not extended. As with [`KeepAlive`], 4 KiB within the patience restart it, and
    /// anything shorter than 10 ms counts as 10 ms. Appends the Ping to `out`.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the session is not open.
    pub fn ping_within(
        &mut self,
        patience: Duration,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let number = self.timer.next_number();
        self.sender()?.ping(&number.to_be_bytes(), out)?;
        self.now = self.now.max(now.into());
        let due = self.timer.pong_due().map(|at| Duration::from(at).saturating_sub(now));
        let patience = KeepAlive::clamped(due.map_or(patience, |due| due.min(patience)));
        if self.patience() != patience {
            self.rare().patience = Some(patience);
        }
        self.timer = Timer::pong(now.into(), number, patience);
        self.flags |= Self::AWAITS_PONG;
        self.counted = 0;
        Ok(())
    }

    /// Returns the patience for the outstanding Pong, or for the next one; zero if there is none.
    pub(super) fn patience(&self) -> Duration {
        let special = self.rare.as_ref().and_then(|rare| rare.patience);
        let usual = || Some(self.config.keep_alive.and_then(KeepAlive::in_force)?.patience);
        special.or_else(usual).unwrap_or_default()
    }

    /// Schedules the next Ping an interval from now. No Pong is awaited any more.
    pub(super) fn restart_keep_alive(&mut self, now: Duration) {
        self.flags &= !Self::AWAITS_PONG;
        self.timer = self.timer.restarted(now.into(), &self.config);
        if let Some(rare) = &mut self.rare {
            rare.patience = None;
            self.drop_blank_rare();
        }
    }

    /// Returns whether the session is open, and neither end has begun to close.
    fn awaits_no_close(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.closing() == Closing::Open)
            && !self.timer.is_closing()
    }
}
