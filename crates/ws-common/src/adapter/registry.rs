//! Where a server's connections are kept.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{ConnectionId, ServerHandle, WebSocketConnection};

/// The open connections of a server; only adapters implement it. One that keeps its connections
/// somewhere anyway need not keep them twice.
pub trait Registry: Send + Sync {
    /// Adds a connection that has opened.
    fn add(&self, connection: &WebSocketConnection);

    /// Removes a connection that is closed.
    fn remove(&self, connection: &WebSocketConnection);

    /// Returns the connections that were added and not removed, the oldest first.
    fn connections(&self, server: &ServerHandle) -> Vec<WebSocketConnection>;

    /// Returns one of them.
    fn connection(&self, server: &ServerHandle, id: ConnectionId) -> Option<WebSocketConnection>;
}

/// A registry of its own, for adapters that have none.
#[derive(Debug, Default)]
pub struct Connections(Mutex<BTreeSet<WebSocketConnection>>);

impl Connections {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<WebSocketConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry for Connections {
    fn add(&self, connection: &WebSocketConnection) {
        self.lock().insert(connection.clone());
    }

    fn remove(&self, connection: &WebSocketConnection) {
        let removed = self.lock().take(connection);
        // It may be the last handle, and then more is dropped than the entry.
        drop(removed);
    }

    fn connections(&self, _: &ServerHandle) -> Vec<WebSocketConnection> {
        self.lock().iter().cloned().collect()
    }

    fn connection(&self, _: &ServerHandle, id: ConnectionId) -> Option<WebSocketConnection> {
        self.lock().get(&id).cloned()
    }
}
