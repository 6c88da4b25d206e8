//! tungstenite, with its default buffers.

use benches::workload::Workload;
use bytes::Bytes;
use tungstenite::protocol::{Message, Role, WebSocket, WebSocketConfig};

use super::{End, Flush, Inbox, LIMIT, Memory, Outcome, Ring};

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "tungstenite"
    }

    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome {
        let config =
            WebSocketConfig::default().max_frame_size(Some(LIMIT)).max_message_size(Some(LIMIT));
        let mut ring = Ring::default();
        let stream = Memory::new(&workload.wire, segment, &mut ring);
        let mut server = WebSocket::from_raw_socket(stream, Role::Server, Some(config));
        for _ in 0..workload.messages {
            match server.read()? {
                Message::Text(text) => inbox.text(text.as_bytes()),
                Message::Binary(bytes) => inbox.binary(&bytes),
                other => return Err(format!("{other:?}").into()),
            }
        }
        Ok(())
    }

    fn encode(&self, workload: &Workload, end: End, flush: Flush, ring: &mut Ring) -> Outcome {
        let role = match end {
            End::Server => Role::Server,
            End::Client => Role::Client,
        };
        let payload = Bytes::copy_from_slice(&workload.payload);
        let stream = Memory::new(&[], 1, ring);
        let mut socket = WebSocket::from_raw_socket(stream, role, None);
        for _ in 0..workload.messages {
            let message = Message::Binary(payload.clone());
            match flush {
                Flush::Each => socket.send(message)?,
                Flush::Once => socket.write(message)?,
            }
        }
        Ok(socket.flush()?)
    }
}
