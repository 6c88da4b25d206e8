//! Sending a message to many connections.

use wsproto::PreparedMessage;

use crate::{BusError, Error, WebSocketConnection};

/// The outcome of sending a message to many connections.
#[derive(Clone, Debug)]
pub struct Broadcast {
    /// The number of connections of this server that accepted the message. Closing connections are skipped and
    /// counted nowhere.
    pub sent: usize,
    /// The connections of this server that did not accept the message, because their peers do not read and the
    /// high-water mark is reached. The application may ignore them, or close them with 1013 or 1008.
    pub refused: Vec<WebSocketConnection>,
    /// Whether the [bus](crate::ServerOptions::bus()) has taken a message that was
    /// [published](crate::ServerHandle::publish). `Ok` without a bus, unless the topic is too long. The number of
    /// receivers at other servers is unknown.
    pub elsewhere: Result<(), BusError>,
}

impl Broadcast {
    /// Sends a message to `connections`, without waiting. If there are any, encodes it once, with `prepare`.
    pub(crate) fn new<'a>(
        prepare: impl Fn() -> PreparedMessage,
        connections: impl IntoIterator<Item = &'a WebSocketConnection>,
    ) -> Self {
        let (mut done, mut message) = (Self::default(), None);
        for connection in connections {
            match connection.publish_prepared(message.get_or_insert_with(&prepare)) {
                Ok(_) => done.sent += 1,
                Err(Error::WouldExceed(_)) => done.refused.push(connection.clone()),
                // It is closing or has failed; its handler is called for that.
                Err(_) => {}
            }
        }
        done
    }
}

/// Sent to nobody.
impl Default for Broadcast {
    fn default() -> Self {
        Self { sent: 0, refused: Vec::new(), elsewhere: Ok(()) }
    }
}
