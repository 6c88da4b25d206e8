//! The handler of our own servers.

use ws_std::{ConnectionHandler, Message, MessageRef, WebSocketConnection};

/// Echoes: small messages from where they were read, others with the memory in which they came.
pub(super) struct Echo;

impl ConnectionHandler for Echo {
    fn borrows(&self) -> bool {
        true
    }

    fn on_message_ref(&mut self, ws: &WebSocketConnection, message: MessageRef<'_>) {
        // Fails if the client is gone.
        let _ = match message {
            MessageRef::Text(text) => ws.send_text(text),
            MessageRef::Binary(bytes) => ws.send_binary(bytes),
        };
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        let _ = ws.send(message);
    }
}
