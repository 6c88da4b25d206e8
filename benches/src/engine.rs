//! The engine under measurement.

use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::{Accept, Agreed, ClientRequest};
use wsproto::{
    Client, Config, Connection, Endpoint, Event, Extensions, MessageRef, Role, Server, Session,
    SessionEvent,
};

use crate::workload::Workload;

/// The maximum size of a read, in bytes.
pub const SEGMENT: usize = 64 << 10;

/// The time of a measurement: none passes.
const NOW: Duration = Duration::ZERO;

/// The resource that a client asks for.
const URL: &str = "ws://localhost:9001/chat";

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

/// Echoes the messages of the wire through an endpoint, `each` bytes of it in each read, as an event loop
/// whose handlers take owned messages does. Returns the number of bytes written.
///
/// # Panics
///
/// If a frame or an answer is refused.
#[must_use]
pub fn echo(wire: &mut [u8], each: usize) -> usize {
    let session = Session::opened(Server, Config::default(), Agreed::default(), NOW);
    let mut ws = Endpoint::new(session, Vec::new());
    assert_eq!(ws.next_event(NOW, &mut &mut [][..]), Some(SessionEvent::Open));
    let (mut outbox, mut written) = (None, 0);
    for read in wire.chunks_mut(each) {
        ws.lend(&mut outbox);
        let mut input = read;
        loop {
            let sent = match ws.next_small_message(&mut input) {
                Some(MessageRef::Text(text)) => {
                    let text = ws.own_text(text.into());
                    ws.send_text(text)
                }
                Some(MessageRef::Binary(bytes)) => {
                    let bytes = ws.own_binary(bytes.into());
                    ws.send_binary(bytes)
                }
                None => break,
            };
            sent.expect("an open connection");
        }
        assert_eq!(ws.next_other_event(NOW, &mut input), None);
        let len = ws.pending().len();
        ws.wrote(len, NOW);
        written += len;
        outbox = ws.reclaim();
    }
    written
}

/// Opens a connection as a server, from the first byte that the client in [`open_client`] has sent.
///
/// # Panics
///
/// If the request is refused.
pub fn open_server(config: &Arc<Config>, request: &mut [u8], out: &mut Vec<u8>) {
    let mut session = Session::server(Arc::clone(config), NOW);
    let mut input = request;
    assert_eq!(session.next_event(NOW, &mut input, out), Some(SessionEvent::Upgrade));
    session.accept(&Accept::new(), NOW, out).expect("a request to upgrade");
    assert_eq!(session.next_event(NOW, &mut input, out), Some(SessionEvent::Open));
}

/// Opens a connection as a client: appends the request to `out`, and returns the session, to which
/// [`finish_client`] passes the response.
///
/// # Panics
///
/// If the URL is refused.
#[must_use]
pub fn open_client(config: &Arc<Config>, out: &mut Vec<u8>) -> Session<Client> {
    let request = ClientRequest::parse(URL).expect("a URL");
    Session::client(request, Arc::clone(config), [7; 32], NOW, out)
}

/// Passes the server's response to a client.
///
/// # Panics
///
/// If the response is refused.
pub fn finish_client(session: &mut Session<Client>, response: &mut [u8]) {
    let event = session.next_event(NOW, &mut &mut response[..], &mut Vec::new());
    assert_eq!(event, Some(SessionEvent::Open));
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
    fn messages_are_echoed() {
        for kind in Kind::ALL {
            let mut workload = Workload::repeated(kind, 125, 125, 32);
            let frame = workload.wire.len() / 32;
            assert_eq!(echo(&mut workload.wire, 16 * frame), 32 * (2 + 125));
        }
    }

    #[test]
    fn connections_are_opened() {
        let config = Arc::default();
        let (mut request, mut response) = (Vec::new(), Vec::new());
        let mut client = open_client(&config, &mut request);
        open_server(&config, &mut request, &mut response);
        finish_client(&mut client, &mut response);
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
