//! Ours: the engine, its output written when there is a batch of it.

use benches::workload::Workload;
use wsproto::{Client, Config, Connection, Event, Extensions, Role, Server};

use super::{BATCH, End, Flush, Inbox, LIMIT, Outcome, Ring};

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "wsproto"
    }

    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome {
        let mut config = Config::default();
        config.max_message_size = LIMIT as u64;
        config.max_frame_size = LIMIT as u64;
        let mut server = Connection::server(config);
        let mut buffer = vec![0; segment];
        let mut out = Vec::new();
        for segment in workload.wire.chunks(segment) {
            let mut input = &mut buffer[..segment.len()];
            input.copy_from_slice(segment);
            while let Some(event) = server.next_event(&mut input, &mut out)? {
                match event {
                    Event::Text(text) => inbox.text(text.as_bytes()),
                    Event::Binary(bytes) => inbox.binary(&bytes),
                    Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
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
        connection.send_binary(&workload.payload, &mut out)?;
        if flush == Flush::Each || out.len() >= BATCH {
            ring.take(&out);
            out.clear();
        }
    }
    ring.take(&out);
    Ok(())
}
