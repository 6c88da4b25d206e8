//! fastwebsockets, fragments collected. It writes every frame at once.

use benches::workload::Workload;
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role, WebSocket};
use futures::executor::block_on;

use super::{End, Flush, Inbox, LIMIT, Memory, Outcome, Ring};

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "fastwebsockets"
    }

    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome {
        let mut ring = Ring::default();
        let stream = Memory::new(&workload.wire, segment, &mut ring);
        let mut server = WebSocket::after_handshake(stream, Role::Server);
        server.set_max_message_size(LIMIT);
        let mut server = FragmentCollector::new(server);
        block_on(async {
            for _ in 0..workload.messages {
                let frame = server.read_frame().await?;
                match frame.opcode {
                    OpCode::Text => inbox.text(&frame.payload),
                    OpCode::Binary => inbox.binary(&frame.payload),
                    other => return Err(format!("{other:?}").into()),
                }
            }
            Ok(())
        })
    }

    fn encode(&self, workload: &Workload, end: End, _: Flush, ring: &mut Ring) -> Outcome {
        let role = match end {
            End::Server => Role::Server,
            End::Client => Role::Client,
        };
        let stream = Memory::new(&[], 1, ring);
        let mut socket = WebSocket::after_handshake(stream, role);
        block_on(async {
            for _ in 0..workload.messages {
                let payload = Payload::Borrowed(&workload.payload);
                socket.write_frame(Frame::binary(payload)).await?;
            }
            Ok(socket.flush().await?)
        })
    }
}
