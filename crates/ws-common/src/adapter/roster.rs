//! Permits for a server's connections, and the end of a server.

use std::time::Instant;

use crate::{ServerHandle, WebSocketConnection};

/// Counts one connection towards [`ServerOptions::max_connections`](crate::ServerOptions::max_connections),
/// from the moment its transport is accepted. Dropping it frees the place.
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

    /// Adds a connection that has opened. Returns `false` if the server has ended: call no handler then.
    pub(super) fn open(&self, connection: &WebSocketConnection) -> bool {
        self.0.open(connection)
    }

    /// Removes a closed connection, before its handler's last call.
    pub(super) fn close(&self, connection: &WebSocketConnection) {
        self.0.close(connection);
    }

    /// Records that the handler of an opened connection has returned from its last call.
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
    /// When all connections are closed, and at this time at the latest.
    At(Instant),
}

impl Ending {
    /// Returns the earlier of two ends; `None` as `at` sets no time.
    pub(crate) fn earlier(before: Option<Self>, at: Option<Instant>) -> Self {
        match (before, at) {
            (Some(Self::At(earlier)), Some(at)) => Self::At(earlier.min(at)),
            (Some(ending), None) => ending,
            (_, Some(at)) => Self::At(at),
            (None, None) => Self::Patient,
        }
    }
}
