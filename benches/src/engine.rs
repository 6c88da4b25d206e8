//! The engine under measurement.

use wsproto::{Client, Config, Connection, Event, Extensions, Role, Server};

use crate::workload::Workload;

/// The maximum size of a read, in bytes.
pub const SEGMENT: usize = 64 << 10;

/// Receives a workload, each segment copied to `scratch` first, as the kernel does. Returns the
/// number of messages and of payload bytes.
///
/// # Panics
///
/// If a frame is refused.
#[must_use]
pub fn decode(workload: &Workload, scratch: &mut [u8]) -> (usize, usize) {
    let mut server = Connection::server(Config::default());
    workload.wire.chunks(SEGMENT).fold((0, 0), |(messages, bytes), segment| {
        let input = &mut scratch[..segment.len()];
        input.copy_from_slice(segment);
        let (more, longer) = receive(&mut server, input);
        (messages + more, bytes + longer)
    })
}

/// Receives the bytes of the wire without a copy; they are unmasked in place. Returns the number of
/// messages and of payload bytes.
///
/// # Panics
///
/// If a frame is refused.
#[must_use]
pub fn decode_in_place(wire: &mut [u8]) -> (usize, usize) {
    let mut server = Connection::server(Config::default());
    wire.chunks_mut(SEGMENT).fold((0, 0), |(messages, bytes), segment| {
        let (more, longer) = receive(&mut server, segment);
        (messages + more, bytes + longer)
    })
}

fn receive(server: &mut Connection<Server>, mut input: &mut [u8]) -> (usize, usize) {
    let mut out = Vec::new();
    let (mut messages, mut bytes) = (0, 0);
    while let Some(event) = server.next_event(&mut input, &mut out).expect("valid frames") {
        bytes += match event {
            Event::Text(text) => text.len(),
            Event::Binary(bytes) => bytes.len(),
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => continue,
        };
        messages += 1;
    }
    (messages, bytes)
}

/// Sends the messages of a workload as a server, all into one buffer.
///
/// # Panics
///
/// If a message is refused.
pub fn encode_server(workload: &Workload, out: &mut Vec<u8>) {
    encode(Server, workload, out);
}

/// Sends the messages of a workload as a client, all into one buffer.
///
/// # Panics
///
/// If a message is refused.
pub fn encode_client(workload: &Workload, out: &mut Vec<u8>) {
    encode(Client::from_seed([7; 32]), workload, out);
}

fn encode(role: impl Role, workload: &Workload, out: &mut Vec<u8>) {
    out.clear();
    let mut connection = Connection::new(role, Config::default(), Extensions::none());
    for _ in 0..workload.messages {
        connection.send_binary(&workload.payload, out).expect("an open connection");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Kind;

    /// Checks that the work is really done before it is timed.
    #[test]
    fn everything_arrives() {
        for kind in Kind::ALL {
            for size in [0, 16, 125, 126, 1 << 10, 64 << 10] {
                let workload = Workload::repeated(kind, size, 1 << 10, 20);
                let expected = (workload.messages, workload.messages * size);
                assert_eq!(decode(&workload, &mut [0; SEGMENT]), expected);
                assert_eq!(decode_in_place(&mut workload.wire.clone()), expected);
            }
        }
    }

    #[test]
    fn client_output_equals_the_workload() {
        let workload = Workload::repeated(Kind::Binary, 1 << 10, 1 << 10, 20);
        let mut out = Vec::new();
        encode_client(&workload, &mut out);
        assert_eq!(out, workload.wire);
        encode_server(&workload, &mut out);
        assert_eq!(out.len(), 20 * (4 + 1024));
    }
}
