//! Ours: the engine, its output written when there is a batch of it.

use benches::workload::Workload;
use wsproto::{Client, Config, Connection, Event, Extensions, Role, Sender, Server};

use super::{BATCH, End, Flush, Inbox, LIMIT, Outcome, Ring};

/// The bytes of the longest header.
const HEADER: usize = 14;

/// The most bytes of a read: those that wait stay in the first-level cache. It is no multiple of 4 KiB, so that the
/// distance between a read and the message it belongs to differs from one to the next: with some distances, copies
/// take many times as long (PERFORMANCE.md).
const READ: usize = 7000;

/// From how many bytes on a payload is not collected with others, but written on its own.
const LARGE: usize = 16 << 10;

#[derive(Debug)]
pub(super) struct Peer {
    name: &'static str,
    /// The longest payload that is waited for in the buffer.
    in_place: usize,
}

impl Peer {
    /// With a buffer that stays in the first-level cache.
    pub(super) const USUAL: Self = Self { name: "wsproto", in_place: 16 << 10 };

    /// With a buffer as large as those that others grow for such frames.
    pub(super) const LARGE: Self = Self { name: "wsproto (64 KiB in place)", in_place: 64 << 10 };
}

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome {
        let mut config = Config::default();
        config.max_message_size = LIMIT as u64;
        config.max_frame_size = LIMIT as u64;
        let mut server = Connection::server(config);
        let most = self.in_place + HEADER;
        let mut buffer = vec![0; most + READ];
        let mut held = 0; // what waits, in front
        let mut out = Vec::new();
        for mut segment in workload.wire.chunks(segment) {
            while !segment.is_empty() {
                // A read straight into a large message; others into the buffer.
                let read = |message: &mut Vec<u8>| {
                    let room = message.capacity() - message.len();
                    let (now, later) = segment.split_at(segment.len().min(room));
                    message.extend_from_slice(now);
                    segment = later;
                };
                if held > 0 || server.read_payload(read).is_none() {
                    let (now, later) = segment.split_at(segment.len().min(READ));
                    buffer[held..held + now.len()].copy_from_slice(now);
                    held += now.len();
                    segment = later;
                }
                let end = held;
                let mut input = &mut buffer[..end];
                while let Some(event) = server.next_event_in_place(&mut input, most, &mut out)? {
                    match event {
                        Event::Text(text) => inbox.text(text.as_bytes()),
                        Event::Binary(bytes) => inbox.binary(&bytes),
                        Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
                    }
                }
                held = input.len();
                if held < end {
                    buffer.copy_within(end - held..end, 0);
                }
            }
        }
        Ok(())
    }

    fn encode(&self, workload: &Workload, end: End, flush: Flush, ring: &mut Ring) -> Outcome {
        match end {
            End::Server => encode(Server, workload, flush, ring),
            End::Client => encode(Client::from_seed([7; 32]), workload, flush, ring),
        }
    }
}

fn encode(role: impl Role, workload: &Workload, flush: Flush, ring: &mut Ring) -> Outcome {
    let mut connection = Connection::new(role, Config::default(), Extensions::none());
    let mut out = Vec::new();
    for _ in 0..workload.messages {
        if workload.payload.len() >= LARGE {
            large(connection.sender(), &workload.payload, &mut out, ring)?;
            continue;
        }
        connection.send_binary(&workload.payload, &mut out)?;
        if flush == Flush::Each || out.len() >= BATCH {
            ring.take(&out);
            out.clear();
        }
    }
    ring.take(&out);
    Ok(())
}

/// Writes the payload from where it is, as a server can; a client masks it on the way.
fn large(
    sender: &mut Sender<impl Role>,
    payload: &[u8],
    out: &mut Vec<u8>,
    ring: &mut Ring,
) -> Outcome {
    let Some(mut mask) = sender.send_binary_header(payload.len() as u64, out)? else {
        // One vectored write.
        ring.take(out);
        ring.take(payload);
        out.clear();
        return Ok(());
    };
    for block in payload.chunks(LARGE) {
        mask.append(block, out);
        ring.take(out);
        out.clear();
    }
    Ok(())
}
