//! tokio-websockets, whose messages share their payload.

use bytes::Bytes;
use futures::SinkExt;
use futures::executor::block_on;
use tokio_websockets::{Message, ServerBuilder, WebSocketStream};

use super::{Pipe, SharedRing};
use crate::Outcome;

pub(super) struct Room(Vec<WebSocketStream<Pipe>>);

impl Room {
    pub(super) fn new(connections: usize, ring: &SharedRing) -> Self {
        let pipe = Pipe(SharedRing::clone(ring));
        let server = ServerBuilder::new();
        Self((0..connections).map(|_| server.serve(pipe.clone())).collect())
    }
}

impl super::Room for Room {
    fn name(&self) -> &'static str {
        "tokio-websockets"
    }

    fn broadcast(&mut self, payload: &Bytes) -> Outcome {
        let message = Message::binary(payload.clone());
        block_on(async {
            for socket in &mut self.0 {
                socket.send(message.clone()).await?;
            }
            Ok(())
        })
    }
}
