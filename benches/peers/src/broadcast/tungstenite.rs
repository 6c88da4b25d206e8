//! tungstenite, whose messages share their payload.

use bytes::Bytes;
use tungstenite::protocol::{Message, Role, WebSocket};

use super::{Pipe, SharedRing};
use crate::Outcome;

#[derive(Debug)]
pub(super) struct Room(Vec<WebSocket<Pipe>>);

impl Room {
    pub(super) fn new(connections: usize, ring: &SharedRing) -> Self {
        let pipe = Pipe(SharedRing::clone(ring));
        let open = |_| WebSocket::from_raw_socket(pipe.clone(), Role::Server, None);
        Self((0..connections).map(open).collect())
    }
}

impl super::Room for Room {
    fn name(&self) -> &'static str {
        "tungstenite"
    }

    fn broadcast(&mut self, payload: &Bytes) -> Outcome {
        let message = Message::Binary(payload.clone());
        Ok(self.0.iter_mut().try_for_each(|socket| socket.send(message.clone()))?)
    }
}
