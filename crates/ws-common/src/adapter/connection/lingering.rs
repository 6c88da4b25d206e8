//! The count of transports that linger after the end of their connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place> {
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
