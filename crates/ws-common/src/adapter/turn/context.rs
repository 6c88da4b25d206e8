//! The state that all turns of a loop share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wsproto::Outbox;

use super::READ_SIZE;
use crate::adapter::Lingering;

/// State shared by all turns of a loop: the time and reusable buffers.
pub struct TurnContext {
    /// The time of the current turn; the loop sets it when it wakes up. It has the same origin as
    /// [`Driver::now`].
    pub now: Duration,
    pub(super) input: Box<[u8]>,
    /// `None` while a connection uses it.
    pub(super) outbox: Option<Box<Outbox>>,
    /// Empty while a connection uses them.
    #[cfg(feature = "deflate")]
    pub(super) tools: wsproto::DeflateTools,
    pub(super) lingering: Arc<Lingering>,
}

impl TurnContext {
    /// Creates the context of a loop, with a read buffer of 64 KiB.
    #[must_use]
    pub fn new(now: Duration) -> Self {
        Self::with_lingering(now, Arc::default())
    }

    /// As [`new`](Self::new), for loops between which connections move: they share one count of lingering
    /// transports.
    #[must_use]
    pub fn with_lingering(now: Duration, lingering: Arc<Lingering>) -> Self {
        Self {
            now,
            input: vec![0; READ_SIZE].into(),
            outbox: Some(Box::default()),
            #[cfg(feature = "deflate")]
            tools: wsproto::DeflateTools::new(),
            lingering,
        }
    }

    /// Returns the number of transports that linger after the end of their connections.
    #[must_use]
    pub fn lingering(&self) -> usize {
        self.lingering.count()
    }
}

/// Shows no bytes of any connection.
impl fmt::Debug for TurnContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnContext").field("now", &self.now).finish_non_exhaustive()
    }
}
