//! One message to many connections, in memory.

mod fastwebsockets;
mod pipe;
mod tokio_websockets;
mod tungstenite;
mod wsproto;

use std::cell::RefCell;
use std::rc::Rc;

use ::wsproto::frame::{Header, Opcode};
use bytes::Bytes;

use self::pipe::Pipe;
use crate::Outcome;
use crate::codec::Ring;

/// Where all connections write.
pub type SharedRing = Rc<RefCell<Ring>>;

/// Server connections that are open, of one implementation.
pub trait Room {
    /// The name in results.
    fn name(&self) -> &'static str;

    /// Sends a binary message to all of them, written before the next one gets it.
    ///
    /// # Errors
    ///
    /// The error of the implementation.
    fn broadcast(&mut self, payload: &Bytes) -> Outcome;
}

/// Opens `connections` connections of each implementation, ours first and in each way that it has.
#[must_use]
pub fn rooms(connections: usize, ring: &SharedRing) -> Vec<Box<dyn Room>> {
    let mut rooms: Vec<Box<dyn Room>> = Vec::new();
    for way in wsproto::Way::ALL {
        rooms.push(Box::new(wsproto::Room::new(way, connections, ring)));
    }
    rooms.push(Box::new(tungstenite::Room::new(connections, ring)));
    rooms.push(Box::new(fastwebsockets::Room::new(connections, ring)));
    rooms.push(Box::new(tokio_websockets::Room::new(connections, ring)));
    rooms
}

/// Sends a message once to `connections` connections of each implementation, and compares what is
/// written with what it must be.
///
/// # Errors
///
/// If it is something else.
pub fn verify(connections: usize, payload: &Bytes) -> Outcome {
    let len = payload.len() as u64;
    let mut frame = Vec::new();
    Header { fin: true, rsv: 0, opcode: Opcode::Binary, mask: None, len }.encode(&mut frame);
    frame.extend_from_slice(payload);
    let ring = SharedRing::default();
    for mut room in rooms(connections, &ring) {
        ring.replace(Ring::keeping());
        room.broadcast(payload)?;
        let ring = ring.borrow();
        let frames = ring.kept().chunks(frame.len());
        if frames.len() != connections || frames.into_iter().any(|one| one != frame) {
            return Err(format!("{}: other bytes are written", room.name()).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use benches::workload::Kind;

    use super::*;

    #[test]
    fn everybody_gets_the_message() {
        for size in [0, 125, 126, 16 << 10, 70_000] {
            let result = verify(10, &Kind::Binary.payload(size).into());
            assert!(result.is_ok(), "{size}: {result:?}");
        }
    }
}
