//! The end of a connection, after which its transport may linger.

use std::sync::atomic::{AtomicUsize, Ordering};

use wsproto::{Advice, CloseInfo, Initiator, Role};

use super::{ConnectionState, Stage};
use crate::adapter::{Link, Transport};

/// The maximum number of lingering transports in one [`Lingering`]. Further ones are dropped at once, and the peer may
/// lose our last bytes.
pub const MOST_LINGERING: usize = 1024;

/// The number of transports that linger after the end of their connections: those of a loop, or of several
/// loops between which connections move.
#[derive(Debug, Default)]
pub struct Lingering(AtomicUsize);

impl Lingering {
    /// Creates a count of zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Returns the number.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn change(&self, before: bool, after: bool) {
        match (before, after) {
            (false, true) => drop(self.0.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(self.0.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
    }
}

impl<R: Role, T: Transport> ConnectionState<R, T> {
    /// Ends the connection, and keeps `info`. Its transport lingers, unless the endpoint advises to drop it;
    /// then its link is returned, to be dropped without the lock. Further calls do nothing.
    pub fn finish(&mut self, info: CloseInfo) -> Option<Box<Link<R, T>>> {
        if self.is_over() {
            return None;
        }
        self.details.clear_timers();
        let (lost, info) = (self.buffered_amount(), Box::new(info));
        let over = Stage::Over { lost, info, lingering: None };
        let Stage::Live(link) = std::mem::replace(&mut self.stage, over) else { return None };
        let link = Box::new(link);
        if link.endpoint().advice() == Advice::Drop {
            return Some(link);
        }
        if let Stage::Over { lingering, .. } = &mut self.stage {
            *lingering = Some(link);
        }
        None
    }

    /// Returns the link of a lingering transport, if the endpoint advises to drop it. Drop it without the
    /// lock.
    pub fn take_lingered(&mut self) -> Option<Box<Link<R, T>>> {
        let Stage::Over { lost, lingering, .. } = &mut self.stage else { return None };
        let link = lingering.take_if(|link| link.endpoint().advice() == Advice::Drop)?;
        *lost = owed(&link);
        Some(link)
    }

    /// Returns whether the connection is over and its transport lingers.
    pub fn is_lingering(&self) -> bool {
        matches!(self.stage, Stage::Over { lingering: Some(_), .. })
    }

    /// Ends a connection that its adapter no longer serves. Returns the link of its transport; drop it
    /// without the lock. Remaining handles keep no file descriptor open.
    pub fn abandon(&mut self) -> Option<Box<Link<R, T>>> {
        match &mut self.stage {
            Stage::Over { lost, lingering, .. } => {
                let link = lingering.take()?;
                *lost = owed(&link);
                Some(link)
            }
            Stage::Live(link) => {
                link.endpoint_mut().abort();
                self.finish(unknown_end())
            }
            Stage::Dialing { .. } => self.finish(unknown_end()),
        }
    }

    /// Updates the count of lingering transports at the end of a turn; `lingered` is the state before it.
    /// Beyond [`MOST_LINGERING`], stops this one. Returns a link to drop without the lock.
    pub fn count_lingering(
        &mut self,
        lingered: bool,
        lingering: &Lingering,
    ) -> Option<Box<Link<R, T>>> {
        let begins = self.is_lingering() && !lingered;
        if begins && lingering.count() >= MOST_LINGERING {
            self.stop_lingering();
        }
        let gone = self.take_lingered();
        lingering.change(lingered, self.is_lingering());
        gone
    }

    /// Stops a lingering transport from lingering: [`take_lingered`](Self::take_lingered) then returns it.
    pub fn stop_lingering(&mut self) {
        if let Stage::Over { lingering: Some(link), .. } = &mut self.stage {
            link.endpoint_mut().abort();
        }
    }

    /// Returns whether the connection is over and its transport released.
    pub fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Over { lingering: None, .. })
    }

    pub(super) fn buffered_amount(&self) -> usize {
        match &self.stage {
            Stage::Dialing { .. } => 0,
            Stage::Live(link) => owed(link),
            Stage::Over { lost, lingering, .. } => lingering.as_deref().map_or(*lost, owed),
        }
    }
}

/// Returns how many bytes are unwritten or lost.
fn owed<R: Role, T: Transport>(link: &Link<R, T>) -> usize {
    link.endpoint().unwritten() + link.endpoint().lost()
}

/// Returns the [`CloseInfo`] of a connection without a Close frame: code 1006 (RFC 6455 section 7.1.5).
#[must_use]
pub fn unknown_end() -> CloseInfo {
    CloseInfo::abnormal(Initiator::Local)
}
