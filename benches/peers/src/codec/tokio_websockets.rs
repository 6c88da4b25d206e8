//! tokio-websockets, with the fastest of its generators of keys.

use benches::workload::Workload;
use bytes::Bytes;
use futures::executor::block_on;
use futures::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Limits, Message, ServerBuilder};

use super::{End, Flush, Inbox, LIMIT, Memory, Outcome, Ring};

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "tokio-websockets"
    }

    fn weak_keys(&self) -> bool {
        true
    }

    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome {
        let mut ring = Ring::default();
        let stream = Memory::new(&workload.wire, segment, &mut ring);
        let limits = Limits::default().max_payload_len(Some(LIMIT));
        let mut server = ServerBuilder::new().limits(limits).serve(stream);
        block_on(async {
            for _ in 0..workload.messages {
                let message = server.next().await.ok_or("the end")??;
                if message.is_text() {
                    inbox.text(message.as_payload());
                } else {
                    inbox.binary(message.as_payload());
                }
            }
            Ok(())
        })
    }

    fn encode(&self, workload: &Workload, end: End, flush: Flush, ring: &mut Ring) -> Outcome {
        let payload = Bytes::copy_from_slice(&workload.payload);
        let stream = Memory::new(&[], 1, ring);
        let mut socket = match end {
            End::Server => ServerBuilder::new().serve(stream),
            End::Client => ClientBuilder::new().take_over(stream),
        };
        block_on(async {
            for _ in 0..workload.messages {
                let message = Message::binary(payload.clone());
                match flush {
                    Flush::Each => socket.send(message).await?,
                    Flush::Once => socket.feed(message).await?,
                }
            }
            Ok(socket.flush().await?)
        })
    }
}
