//! The end of a connection, after which its transport may linger.

use std::sync::Arc;

use wsproto::{Advice, CloseInfo, Initiator, Role};

use super::lingering::Lingering;
use super::state::{ConnectionState, Stage};
use crate::adapter::{Link, Transport};

impl<R: Role, T: Transport> ConnectionState<R, T> {
    /// Ends the connection, and keeps `info`. Its transport lingers, unless the endpoint advises to drop it;
    /// then its link is returned, to be dropped without the lock. Further calls do nothing.
    pub fn finish(&mut self, info: CloseInfo) -> Option<Box<Link<R, T>>> {
        if self.is_over() {
            return None;
        }
        self.details.clear_timers();
        let (lost, info) = (self.buffered_amount(), Box::new(info));
        let over = Stage::Over { lost, info, lingering: None, place: None };
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
        let Stage::Over { lost, lingering, place, .. } = &mut self.stage else { return None };
        let link = lingering.take_if(|link| link.endpoint().advice() == Advice::Drop)?;
        (*lost, *place) = (unwritten_or_lost(&link), None);
        Some(link)
    }

    /// Ends a connection that its adapter no longer serves. Returns the link of its transport; drop it
    /// without the lock. Remaining handles keep no file descriptor open.
    pub fn abandon(&mut self) -> Option<Box<Link<R, T>>> {
        match &mut self.stage {
            Stage::Over { lost, lingering, place, .. } => {
                let link = lingering.take()?;
                (*lost, *place) = (unwritten_or_lost(&link), None);
                Some(link)
            }
            Stage::Live(link) => {
                link.endpoint_mut().abort();
                self.finish(unknown_end())
            }
            Stage::Dialing { .. } => self.finish(unknown_end()),
        }
    }

    /// Counts a transport that lingers, once, as long as it does. Beyond
    /// [`MOST_LINGERING`](super::MOST_LINGERING), stops this one.
    /// Returns a link to drop without the lock. Call it at the end of a turn.
    pub(crate) fn count_lingering(
        &mut self,
        lingering: &Arc<Lingering>,
    ) -> Option<Box<Link<R, T>>> {
        if let Stage::Over { lingering: Some(link), place: place @ None, .. } = &mut self.stage {
            *place = lingering.enter();
            if place.is_none() {
                link.endpoint_mut().abort();
            }
        }
        self.take_lingered()
    }

    /// Stops a lingering transport from lingering: [`take_lingered`](Self::take_lingered) then returns it.
    pub fn stop_lingering(&mut self) {
        if let Stage::Over { lingering: Some(link), .. } = &mut self.stage {
            link.endpoint_mut().abort();
        }
    }

    /// Returns whether the connection is over and its transport released.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Over { lingering: None, .. })
    }

    /// Returns how many bytes are unwritten or lost.
    pub fn buffered_amount(&self) -> usize {
        match &self.stage {
            Stage::Dialing { .. } => 0,
            Stage::Live(link) => unwritten_or_lost(link),
            Stage::Over { lost, lingering, .. } => {
                lingering.as_deref().map_or(*lost, unwritten_or_lost)
            }
        }
    }
}

/// Returns how many bytes are unwritten or lost.
fn unwritten_or_lost<R: Role, T: Transport>(link: &Link<R, T>) -> usize {
    link.endpoint().unwritten() + link.endpoint().lost()
}

/// Returns the [`CloseInfo`] of a connection without a Close frame: code 1006 (RFC 6455 section 7.1.5).
#[must_use]
pub fn unknown_end() -> CloseInfo {
    CloseInfo::abnormal(Initiator::Local)
}
