//! fastwebsockets, whose frames borrow their payload.

use bytes::Bytes;
use fastwebsockets::{Frame, Payload, Role, WebSocket};
use futures::executor::block_on;

use super::{Pipe, SharedRing};
use crate::Outcome;

pub(super) struct Room(Vec<WebSocket<Pipe>>);

impl Room {
    pub(super) fn new(connections: usize, ring: &SharedRing) -> Self {
        let pipe = Pipe(SharedRing::clone(ring));
        let open = |_| WebSocket::after_handshake(pipe.clone(), Role::Server);
        Self((0..connections).map(open).collect())
    }
}

impl super::Room for Room {
    fn name(&self) -> &'static str {
        "fastwebsockets"
    }

    fn broadcast(&mut self, payload: &Bytes) -> Outcome {
        block_on(async {
            for socket in &mut self.0 {
                socket.write_frame(Frame::binary(Payload::Borrowed(payload))).await?;
            }
            Ok(())
        })
    }
}
