//! Places among the connections that a server allows.

use std::time::Instant;

use crate::{ServerHandle, WebSocketConnection};

/// The place of one connection among those that a server allows, from the moment its transport is accepted.
/// Dropping it frees the place.
#[derive(Debug)]
pub struct Permit(ServerHandle);

impl Permit {
    pub(super) fn new(server: &ServerHandle) -> Option<Self> {
        server.roster().admit(server.options().limit()).then(|| Self(server.clone()))
    }

    /// Returns the server.
    #[must_use]
    pub const fn server(&self) -> &ServerHandle {
        &self.0
    }

    /// Counts a connection that has opened. `false` if the server has ended, and its handlers are not to be
    /// called any more.
    pub(super) fn open(&self, connection: &WebSocketConnection) -> bool {
        self.0.open(connection)
    }

    /// Counts an open connection no longer: it is closed, and its handler is about to learn of it.
    pub(super) fn close(&self, connection: &WebSocketConnection) {
        self.0.close(connection);
    }

    /// Notes that the handler of a connection that was open was called for the last time.
    pub(super) fn finish(&self) {
        self.0.roster().finish();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.roster().release();
    }
}

/// How a server ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// When all connections are closed.
    Patient,
    /// At that time at the latest.
    At(Instant),
}

impl Ending {
    /// Returns the sooner of two ends.
    pub(crate) fn hasten(before: Option<Self>, at: Option<Instant>) -> Self {
        match (before, at) {
            (Some(Self::At(earlier)), Some(at)) => Self::At(earlier.min(at)),
            (Some(ending), None) => ending,
            (_, Some(at)) => Self::At(at),
            (None, None) => Self::Patient,
        }
    }
}
