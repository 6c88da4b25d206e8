//! The end of a connection, after which its transport may linger.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wsproto::{Advice, CloseInfo, Initiator, Role};

use super::ConnectionState;
use super::state::Stage;
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

    /// Counts one more. Returns `None` if there are [`MOST_LINGERING`] already.
    fn enter(self: &Arc<Self>) -> Option<Place> {
        let place = Place(Arc::clone(self));
        (self.0.fetch_add(1, Ordering::Relaxed) < MOST_LINGERING).then_some(place)
    }
}

/// The place of a lingering transport in the count. Dropping it gives the place up.
#[derive(Debug)]
pub(super) struct Place(Arc<Lingering>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
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

    /// Counts a transport that lingers, once, as long as it does. Beyond [`MOST_LINGERING`], stops this one.
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
