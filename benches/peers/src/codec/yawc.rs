//! yawc, told to validate texts, which it does not do by default.

use benches::workload::Workload;
use bytes::Bytes;
use futures::SinkExt;
use futures::executor::block_on;
use yawc::{Frame, OpCode, Options, Role, WebSocket};

use super::{BATCH, End, Flush, Inbox, LIMIT, Memory, Outcome, Ring};

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "yawc"
    }

    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome {
        let mut ring = Ring::default();
        let stream = Memory::new(&workload.wire, segment, &mut ring);
        let options = options().with_utf8().with_read_buffer_capacity(BATCH);
        let mut server = WebSocket::from_stream(stream, Role::Server, options)?;
        block_on(async {
            for _ in 0..workload.messages {
                let frame = server.next_frame().await?;
                match frame.opcode() {
                    OpCode::Text => inbox.text(frame.payload()),
                    OpCode::Binary => inbox.binary(frame.payload()),
                    other => return Err(format!("{other:?}").into()),
                }
            }
            Ok(())
        })
    }

    fn encode(&self, workload: &Workload, end: End, flush: Flush, ring: &mut Ring) -> Outcome {
        let role = match end {
            End::Server => Role::Server,
            End::Client => Role::Client,
        };
        let payload = Bytes::copy_from_slice(&workload.payload);
        let stream = Memory::new(&[], 1, ring);
        let mut socket = WebSocket::from_stream(stream, role, options())?;
        block_on(async {
            for _ in 0..workload.messages {
                let frame = Frame::binary(payload.clone());
                match flush {
                    Flush::Each => socket.send(frame).await?,
                    Flush::Once => socket.feed(frame).await?,
                }
            }
            Ok(SinkExt::<Frame>::flush(&mut socket).await?)
        })
    }
}

fn options() -> Options {
    Options::default().with_limits(LIMIT, 2 * LIMIT)
}
