//! A server's list of open connections.

use std::collections::BTreeSet;

use parking_lot::{Mutex, MutexGuard};

use crate::{ConnectionId, ServerHandle, WebSocketConnection};

/// A server's list of open connections. An adapter that has such a list implements this trait for it;
/// others use [`Connections`].
pub trait Registry: Send + Sync {
    /// Adds a connection that has opened.
    fn add(&self, connection: &WebSocketConnection);

    /// Removes a connection that is closed.
    fn remove(&self, connection: &WebSocketConnection);

    /// Returns the current connections, the oldest first.
    fn connections(&self, server: &ServerHandle) -> Vec<WebSocketConnection>;

    /// Returns the current connection with this id.
    fn connection(&self, server: &ServerHandle, id: ConnectionId) -> Option<WebSocketConnection>;
}

/// A [`Registry`] for adapters without a list of their own.
#[derive(Debug, Default)]
pub struct Connections(Mutex<BTreeSet<WebSocketConnection>>);

impl Connections {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<WebSocketConnection>> {
        self.0.lock()
    }
}

impl Registry for Connections {
    fn add(&self, connection: &WebSocketConnection) {
        self.lock().insert(connection.clone());
    }

    fn remove(&self, connection: &WebSocketConnection) {
        // It may be the last handle: drop the connection without the lock.
        let removed = self.lock().take(connection);
        drop(removed);
    }

    fn connections(&self, _: &ServerHandle) -> Vec<WebSocketConnection> {
        self.lock().iter().cloned().collect()
    }

    fn connection(&self, _: &ServerHandle, id: ConnectionId) -> Option<WebSocketConnection> {
        self.lock().get(&id).cloned()
    }
}
