//! The open connections of a server, found in the tables of its loops.

use std::sync::Arc;

use ws_common::adapter::{Registry, connection_handle};
use ws_common::{ConnectionId, ServerHandle, WebSocketConnection};

use crate::shared::Shared;

/// The loops of a server.
pub(crate) struct Loops(pub(crate) Vec<Arc<Shared>>);

impl Registry for Loops {
    /// Does nothing: each connection records whether it is open.
    fn add(&self, _: &WebSocketConnection) {}

    fn remove(&self, _: &WebSocketConnection) {}

    fn connections(&self, server: &ServerHandle) -> Vec<WebSocketConnection> {
        let all = self.0.iter().flat_map(|shared| shared.connections_of(server));
        let open = all.filter(|connection| connection.is_open());
        let mut handles: Vec<_> = open.map(|open| connection_handle(open)).collect();
        handles.sort_unstable();
        handles
    }

    fn connection(&self, server: &ServerHandle, id: ConnectionId) -> Option<WebSocketConnection> {
        let mut all = self.0.iter().filter_map(|shared| shared.find(server, id));
        all.find(|connection| connection.is_open()).map(|open| connection_handle(open))
    }
}
