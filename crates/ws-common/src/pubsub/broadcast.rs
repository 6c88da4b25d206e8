//! Sending to many.

use wsproto::PreparedMessage;

use crate::{Error, Message, WebSocketConnection};

/// The outcome of a message that was sent to many connections.
#[derive(Clone, Debug, Default)]
pub struct Broadcast {
    /// How many connections have taken it. Those that are closing are not counted, nor told.
    pub sent: usize,
    /// The connections for which too much waits already, because their peers do not read. Leave them
    /// out this time, or close them, with 1013 or 1008.
    pub refused: Vec<WebSocketConnection>,
}

impl Broadcast {
    /// Sends a message, encoded once.
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
                // It is closing, or its handler learns of the end.
                Err(_) => {}
            }
        }
        done
    }
}
