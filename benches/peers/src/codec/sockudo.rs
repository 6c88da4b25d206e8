//! sockudo-ws: its codec, without a stream.

use benches::workload::Workload;
use bytes::{Bytes, BytesMut};
use sockudo_ws::protocol::{Message, Protocol, Role};

use super::{BATCH, End, Flush, Inbox, LIMIT, Outcome, Ring};

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "sockudo-ws"
    }

    fn weak_keys(&self) -> bool {
        true
    }

    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome {
        let mut server = Protocol::new(Role::Server, LIMIT, LIMIT);
        let mut buffer = BytesMut::with_capacity(2 * BATCH);
        let mut messages = Vec::new();
        for segment in workload.wire.chunks(segment) {
            buffer.extend_from_slice(segment);
            server.process_into(&mut buffer, &mut messages)?;
            for message in messages.drain(..) {
                match message {
                    Message::Text(text) => inbox.text(&text),
                    Message::Binary(bytes) => inbox.binary(&bytes),
                    other => return Err(format!("{other:?}").into()),
                }
            }
        }
        Ok(())
    }

    fn encode(&self, workload: &Workload, end: End, flush: Flush, ring: &mut Ring) -> Outcome {
        let role = match end {
            End::Server => Role::Server,
            End::Client => Role::Client,
        };
        let mut protocol = Protocol::new(role, LIMIT, LIMIT);
        let message = Message::Binary(Bytes::copy_from_slice(&workload.payload));
        let mut out = BytesMut::with_capacity(BATCH);
        for _ in 0..workload.messages {
            protocol.encode_message(&message, &mut out)?;
            if flush == Flush::Each || out.len() >= BATCH {
                ring.take(&out);
                out.clear();
            }
        }
        ring.take(&out);
        Ok(())
    }
}
