//! Sending a message to many connections.

use wsproto::PreparedMessage;

use crate::{Error, Message, WebSocketConnection};

/// The outcome of sending a message to many connections.
#[derive(Clone, Debug, Default)]
pub struct Broadcast {
    /// The number of connections that accepted the message. Closing connections are skipped and counted
    /// nowhere.
    pub sent: usize,
    /// The connections that did not accept the message, because their peers do not read and the high-water
    /// mark is reached. The application may ignore them, or close them with 1013 or 1008.
    pub refused: Vec<WebSocketConnection>,
}

impl Broadcast {
    /// Encodes a message once and sends it to `connections`, without waiting.
    pub(crate) fn new(message: &Message, connections: Vec<WebSocketConnection>) -> Self {
        let message = match message {
            Message::Text(text) => PreparedMessage::text(text),
            Message::Binary(bytes) => PreparedMessage::binary(bytes),
        };
        let mut done = Self::default();
        for connection in connections {
            match connection.try_send_prepared(&message) {
                Ok(_) => done.sent += 1,
                Err(Error::WouldExceed(_)) => done.refused.push(connection),
                // It is closing or has failed; its handler is called for that.
                Err(_) => {}
            }
        }
        done
    }
}
