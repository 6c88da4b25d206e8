//! Peers that do not read: the output for them is bounded, and none of it is lost.

mod support;

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use support::{Log, Recorder, frame, open, read_frame, wait_until};
use ws_mio::{
    Decision, Error, Message, RunningServer, SendStatus, ServerOptions, WebSocketConnection,
    WebSocketServer,
};

const MARK: usize = 16 << 10;
const MESSAGE: usize = 8 << 10;

/// A server whose handlers note their calls.
fn recording() -> (RunningServer, SocketAddr, Log) {
    let log = Log::default();
    let to = log.clone();
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new().high_water_mark(MARK))
        .expect("a free port");
    let address = server.local_addr().expect("an address");
    let server = server.spawn(move |_: &_, _: &_| Decision::accept(Recorder(to.clone())));
    (server.expect("a thread"), address, log)
}

/// A server that echoes, and takes it for an error if it cannot.
fn echoing() -> (RunningServer, SocketAddr) {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new().high_water_mark(MARK))
        .expect("a free port");
    let address = server.local_addr().expect("an address");
    let server = server.spawn(|_: &_, _: &_| {
        Decision::accept(|ws: &WebSocketConnection, message: Message| {
            ws.send(message).expect("room for an answer");
            assert!(ws.buffered_amount() <= MARK + 2 * MESSAGE, "{}", ws.buffered_amount());
        })
    });
    (server.expect("a thread"), address)
}

fn end(server: RunningServer) {
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

fn only(server: &RunningServer) -> WebSocketConnection {
    wait_until("a connection", || server.handle().connections().len() == 1);
    server.handle().connections().remove(0)
}

fn numbered(number: u32) -> Message {
    let mut bytes = vec![0xAB; MESSAGE];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes.into()
}

/// Sends until nothing is taken any more; returns how many were.
fn fill(ws: &WebSocketConnection) -> u32 {
    for number in 0.. {
        match ws.send(numbered(number)) {
            Ok(SendStatus::Sent | SendStatus::Queued) => {}
            Err(Error::WouldExceed(Some(message))) => {
                assert_eq!(message, numbered(number), "it is handed back");
                return number;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(ws.buffered_amount() <= MARK + MESSAGE + 4, "{}", ws.buffered_amount());
    }
    unreachable!()
}

#[test]
fn what_is_taken_arrives_once_and_in_order_and_then_there_is_room() {
    let (server, address, log) = recording();
    let mut peer = open(address);
    let ws = only(&server);
    let taken = fill(&ws);
    assert!(ws.buffered_amount() > MARK);
    assert!(matches!(ws.send_binary(b"lent"), Err(Error::WouldExceed(None))));
    for number in 0..taken {
        let (first, payload) = read_frame(&mut peer);
        assert!(first == 0x82 && Message::Binary(payload) == numbered(number), "{number}");
    }
    log.wait("drained");
    assert_eq!(ws.buffered_amount(), 0);
    ws.send("there is room").expect("room");
    assert_eq!(read_frame(&mut peer), (0x81, b"there is room".to_vec()));
    assert_eq!(log.lines(), ["open", "drained"]);
    end(server);
}

#[test]
fn those_who_do_not_read_are_told_of_and_the_others_get_it() {
    let (server, address, log) = recording();
    let idle = open(address);
    let slow = only(&server);
    fill(&slow);
    let mut other = open(address);
    wait_until("two connections", || server.handle().connections().len() == 2);
    for connection in server.handle().connections() {
        connection.subscribe("news").expect("open");
    }
    let broadcast = server.handle().broadcast("to all");
    assert_eq!((broadcast.sent, &broadcast.refused[..]), (1, &[slow.clone()][..]));
    let published = server.handle().publish("news", "to readers");
    assert_eq!((published.sent, &published.refused[..]), (1, &[slow.clone()][..]));
    assert_eq!(read_frame(&mut other).1, b"to all");
    assert_eq!(read_frame(&mut other).1, b"to readers");
    drop(idle);
    log.wait("terminate 1006");
    assert!(slow.buffered_amount() > 0, "what was lost stays counted");
    end(server);
}

/// Writes until the server takes no more for a while; returns the rest.
fn flood<'w>(peer: &mut TcpStream, mut wire: &'w [u8]) -> &'w [u8] {
    peer.set_write_timeout(Some(Duration::from_millis(300))).expect("not zero");
    while !wire.is_empty() {
        match peer.write(wire) {
            Ok(written) => wire = &wire[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    peer.set_write_timeout(None).expect("none");
    wire
}

#[test]
fn reading_pauses_and_nothing_that_was_read_is_lost() {
    // Many small messages in a read, and a few in many reads.
    for size in [20, 1000, MESSAGE] {
        let (server, address) = echoing();
        let mut peer = open(address);
        let count = (64 << 20) / size;
        let wire: Vec<u8> = (0..count)
            .flat_map(|number| {
                let mut payload = vec![0xAB; size];
                payload[..4].copy_from_slice(&(number as u32).to_be_bytes());
                frame(0x82, &payload)
            })
            .collect();
        let rest = flood(&mut peer, &wire);
        assert!(!rest.is_empty(), "the server does not read for ever");
        assert!(only(&server).buffered_amount() > MARK);
        let mut writer = peer.try_clone().expect("a descriptor");
        thread::scope(|scope| {
            scope.spawn(move || writer.write_all(rest).expect("written"));
            let mut reader = std::io::BufReader::new(&peer);
            for number in 0..count {
                let (first, payload) = read_frame(&mut reader);
                assert!(first == 0x82 && payload.len() == size, "{number} of {count}: {first:x}");
                assert_eq!(payload[..4], (number as u32).to_be_bytes());
            }
        });
        end(server);
    }
}

/// A37: Pongs are replies as well.
#[test]
fn pings_of_a_peer_that_never_reads_pile_up_nowhere() {
    let (server, address, log) = recording();
    let mut peer = open(address);
    let ws = only(&server);
    let wire = frame(0x89, &[7; 125]).repeat(500_000);
    let rest = flood(&mut peer, &wire);
    assert!(!rest.is_empty(), "the server does not read for ever");
    assert!(ws.buffered_amount() <= MARK + 200, "{}", ws.buffered_amount());
    // Others are served meanwhile.
    let mut other = open(address);
    other.write_all(&frame(0x81, b"Hello")).expect("written");
    log.wait("message Hello");
    drop(peer);
    log.wait("terminate 1006");
    end(server);
}

#[test]
fn a_flood_does_not_starve_others() {
    let (server, address) = echoing();
    let flooding = open(address);
    let (mut writer, mut reader) = (flooding.try_clone().expect("a descriptor"), flooding);
    let writing = thread::spawn(move || {
        let wire = frame(0x82, &[7; 125]).repeat(1000);
        while writer.write_all(&wire).is_ok() {}
    });
    let reading = thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    let mut other = open(address);
    for number in 0..100_u32 {
        other.write_all(&frame(0x82, &number.to_be_bytes())).expect("written");
        assert_eq!(read_frame(&mut other).1, number.to_be_bytes());
    }
    end(server);
    writing.join().expect("no panic");
    // It may be a reset.
    drop(reading.join().expect("no panic"));
}

#[test]
fn large_messages_go_both_ways() {
    let (server, address) = {
        let options = ServerOptions::new().max_message_size(16 << 20);
        let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
        let address = server.local_addr().expect("an address");
        let echo = |ws: &WebSocketConnection, message: Message| drop(ws.send(message));
        let server = server.spawn(move |_: &_, _: &_| Decision::accept(echo));
        (server.expect("a thread"), address)
    };
    let mut peer = open(address);
    let large: Vec<u8> = (0..16_u32 << 20).map(|number| (number % 251) as u8).collect();
    for _ in 0..3 {
        peer.write_all(&frame(0x82, &large)).expect("written");
        assert!(read_frame(&mut peer) == (0x82, large.clone()));
    }
    peer.write_all(&frame(0x88, &[])).expect("written");
    assert_eq!(read_frame(&mut peer), (0x88, vec![]));
    end(server);
}
