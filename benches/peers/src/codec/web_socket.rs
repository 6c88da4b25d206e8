//! web-socket. It leaves buffers, the assembly of messages and the validation of texts to its caller.

use benches::workload::Workload;
use futures::executor::block_on;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, BufWriter};
use web_socket::{DataType, Event, MessageType, Stream, WebSocket};

use super::{BATCH, End, Flush, Inbox, Memory, Outcome, Ring};

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "web-socket"
    }

    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome {
        let mut ring = Ring::default();
        let stream = Memory::new(&workload.wire, segment, &mut ring);
        let mut server = WebSocket::server(BufReader::with_capacity(BATCH, stream));
        let mut message = Vec::new();
        block_on(async {
            while inbox.messages < workload.messages {
                match server.recv().await? {
                    Event::Data { ty: DataType::Complete(kind), data } => {
                        deliver(kind, &data, inbox)?;
                    }
                    Event::Data { ty: DataType::Stream(part), data } => {
                        message.extend_from_slice(&data);
                        if let Stream::End(kind) = part {
                            deliver(kind, &message, inbox)?;
                            message.clear();
                        }
                    }
                    other => return Err(format!("{other:?}").into()),
                }
            }
            Ok(())
        })
    }

    fn encode(&self, workload: &Workload, end: End, flush: Flush, ring: &mut Ring) -> Outcome {
        let stream = Memory::new(&[], 1, ring);
        match flush {
            Flush::Each => encode(stream, workload, end),
            Flush::Once => encode(BufWriter::with_capacity(BATCH, stream), workload, end),
        }
    }
}

fn deliver(kind: MessageType, message: &[u8], inbox: &mut Inbox<'_>) -> Outcome {
    if kind == MessageType::Text {
        simdutf8::basic::from_utf8(message)?;
        inbox.text(message);
    } else {
        inbox.binary(message);
    }
    Ok(())
}

fn encode(stream: impl AsyncRead + AsyncWrite + Unpin, workload: &Workload, end: End) -> Outcome {
    let mut socket = match end {
        End::Server => WebSocket::server(stream),
        End::Client => WebSocket::client(stream),
    };
    block_on(async {
        for _ in 0..workload.messages {
            socket.send(&workload.payload[..]).await?;
        }
        Ok(socket.flash().await?)
    })
}
