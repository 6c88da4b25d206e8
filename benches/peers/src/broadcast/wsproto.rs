//! Ours, in three ways: one output for all connections, which is written after each.

use std::sync::Arc;

use bytes::Bytes;
use wsproto::{Config, Connection, PreparedMessage, Server};

use super::SharedRing;
use crate::Outcome;

/// How a message is sent to many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Encoded once; the output gets the whole frame.
    Prepared,
    /// Encoded once; the output gets the header, the payload is written from where it is.
    Shared,
    /// Encoded for each connection.
    Each,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::Prepared, Self::Shared, Self::Each];
}

#[derive(Debug)]
pub(super) struct Room {
    way: Way,
    connections: Vec<Connection<Server>>,
    out: Vec<u8>,
    ring: SharedRing,
}

impl Room {
    pub(super) fn new(way: Way, connections: usize, ring: &SharedRing) -> Self {
        let config = Arc::new(Config::default());
        let open = |_| Connection::server(Arc::clone(&config));
        let connections = (0..connections).map(open).collect();
        Self { way, connections, out: Vec::new(), ring: SharedRing::clone(ring) }
    }
}

impl super::Room for Room {
    fn name(&self) -> &'static str {
        match self.way {
            Way::Prepared => "wsproto, prepared",
            Way::Shared => "wsproto, prepared, payload shared",
            Way::Each => "wsproto, encoded for each",
        }
    }

    fn broadcast(&mut self, payload: &Bytes) -> Outcome {
        let Self { way, connections, out, ring } = self;
        let senders = connections.iter_mut().map(Connection::sender);
        match way {
            Way::Prepared => {
                let message = PreparedMessage::binary(payload);
                for sender in senders {
                    sender.send_prepared(&message, out)?;
                    ring.borrow_mut().take(out);
                    out.clear();
                }
            }
            Way::Shared => {
                let message = PreparedMessage::binary(payload);
                for sender in senders {
                    sender.send_prepared_header(&message, out)?;
                    // One vectored write.
                    let mut ring = ring.borrow_mut();
                    ring.take(out);
                    ring.take(message.payload());
                    out.clear();
                }
            }
            Way::Each => {
                for sender in senders {
                    sender.send_binary(payload, out)?;
                    ring.borrow_mut().take(out);
                    out.clear();
                }
            }
        }
        Ok(())
    }
}
