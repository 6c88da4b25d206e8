//! The workloads of the benchmarks, and what carries them out.

use std::io::{self, Read, Write};

use tungstenite::WebSocket;
use tungstenite::protocol::Role;
use wsproto::{Config, Connection, Event};

/// What one read gives at most.
pub const SEGMENT: usize = 64 << 10;

/// How many bytes of payload a workload has at least.
const VOLUME: usize = 4 << 20;

/// The same message many times over, as frames from a client.
#[derive(Debug)]
pub struct Workload {
    /// The payload of each message.
    pub payload: Vec<u8>,
    /// How many messages there are.
    pub count: usize,
    /// The masked frames.
    pub wire: Vec<u8>,
}

impl Workload {
    /// Makes binary messages of `size` bytes.
    ///
    /// # Panics
    ///
    /// If the engine cannot encode them.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let payload: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        let count = (VOLUME / size.max(1)).min(100_000);
        let mut client = Connection::client(Config::default(), [7; 32]);
        let mut wire = Vec::new();
        for _ in 0..count {
            client.send_binary(&payload, &mut wire).expect("an open connection");
        }
        Self { payload, count, wire }
    }
}

/// Receives a workload with `wsproto`. Returns how many messages and bytes arrived.
///
/// # Panics
///
/// If a frame is refused.
#[must_use]
pub fn decode_wsproto(workload: &Workload, scratch: &mut [u8]) -> (usize, usize) {
    let mut server = Connection::server(Config::default());
    let mut out = Vec::new();
    let (mut count, mut bytes) = (0, 0);
    for segment in workload.wire.chunks(SEGMENT) {
        // The copy that the kernel makes.
        let mut input = &mut scratch[..segment.len()];
        input.copy_from_slice(segment);
        while let Some(event) = server.next_event(&mut input, &mut out).expect("valid frames") {
            if let Event::Binary(message) = event {
                count += 1;
                bytes += message.len();
            }
        }
    }
    (count, bytes)
}

/// Receives a workload with tungstenite. Returns how many messages and bytes arrived.
///
/// # Panics
///
/// If a frame is refused.
#[must_use]
pub fn decode_tungstenite(workload: &Workload) -> (usize, usize) {
    let wire = Segments { rest: &workload.wire };
    let mut server = WebSocket::from_raw_socket(wire, Role::Server, None);
    let (mut count, mut bytes) = (0, 0);
    while count < workload.count {
        count += 1;
        bytes += server.read().expect("valid frames").len();
    }
    (count, bytes)
}

/// Sends a workload with `wsproto` as a server, or as a client; all messages with one write.
///
/// # Panics
///
/// If a message is refused.
pub fn encode_wsproto(workload: &Workload, server: bool, out: &mut Vec<u8>) {
    out.clear();
    if server {
        let mut server = Connection::server(Config::default());
        for _ in 0..workload.count {
            server.send_binary(&workload.payload, out).expect("an open connection");
        }
    } else {
        let mut client = Connection::client(Config::default(), [7; 32]);
        for _ in 0..workload.count {
            client.send_binary(&workload.payload, out).expect("an open connection");
        }
    }
}

/// Sends a workload with tungstenite as a server, or as a client. Returns how many bytes it wrote.
///
/// # Panics
///
/// If a message is refused.
#[must_use]
pub fn encode_tungstenite(workload: &Workload, server: bool) -> usize {
    let role = if server { Role::Server } else { Role::Client };
    let mut end = WebSocket::from_raw_socket(Sink { written: 0 }, role, None);
    for _ in 0..workload.count {
        let message = tungstenite::Message::binary(workload.payload.clone());
        end.write(message).expect("an open connection");
    }
    end.flush().expect("a sink");
    end.get_ref().written
}

/// A stream that gives at most a segment at a time.
struct Segments<'a> {
    rest: &'a [u8],
}

impl Read for Segments<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let len = to.len().min(SEGMENT);
        self.rest.read(&mut to[..len])
    }
}

impl Write for Segments<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that only counts.
struct Sink {
    written: usize,
}

impl Read for Sink {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Write for Sink {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.written += from.len();
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ends of the comparison do the same work before anybody times it.
    #[test]
    fn all_of_them_do_the_work() {
        for size in [0, 16, 125, 126, 1 << 10, 64 << 10] {
            let workload = Workload::new(size);
            let expected = (workload.count, workload.count * size);
            assert_eq!(decode_wsproto(&workload, &mut vec![0; SEGMENT]), expected);
            assert_eq!(decode_tungstenite(&workload), expected);
            for server in [true, false] {
                let mut out = Vec::new();
                encode_wsproto(&workload, server, &mut out);
                assert_eq!(out.len(), encode_tungstenite(&workload, server));
            }
        }
    }
}
