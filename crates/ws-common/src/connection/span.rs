//! The span of a connection.

use tracing::Span;

use super::WebSocketConnection;

impl WebSocketConnection {
    /// Returns the span of the connection, `websocket`, at the level INFO: with its id, role, peer, client, path
    /// (without a query) and subprotocol, as far as they are known. Its events tell how the connection opened, was
    /// refused, failed and ended; handlers are called within it. An application that takes its messages itself can
    /// enter it. Needs the feature `tracing`.
    #[must_use]
    pub fn span(&self) -> Span {
        self.0.span()
    }
}
