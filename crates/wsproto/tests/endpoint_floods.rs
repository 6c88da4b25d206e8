//! Floods by a peer: the memory an endpoint then holds, and the time it waits.

use core::time::Duration;

use wsproto::{Client, Config, Event, Server, SessionError, SessionEvent};
use wsproto_testing::{Cuts, End, Frame, Node, Pipe};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A Ping that carries its number.
fn ping<R: End>(number: u32) -> Vec<u8> {
    R::from_peer(0x89, &[&number.to_be_bytes()[..], &[0; 121]].concat())
}

fn number(pong: &Frame) -> u32 {
    assert_eq!(pong.first, 0x8A);
    u32::from_be_bytes(pong.payload[..4].try_into().expect("four bytes"))
}

/// Writes up to `count` Pings, as many as `from` holds, until the node stops reading or has read
/// them all.
fn flood<R: End>(node: &mut Node<R>, from: &mut Pipe, to: &mut Pipe, now: Duration, count: u32) {
    let wire: Vec<u8> = (0..count).flat_map(ping::<R>).collect();
    let mut written = 0;
    loop {
        let len = from.write(&wire[written..]);
        written += len;
        if !node.turn(now, from, to) && len == 0 {
            return;
        }
    }
}

/// Reads everything that arrives.
fn drain<R: End>(node: &mut Node<R>, from: &mut Pipe, to: &mut Pipe, now: Duration) -> Vec<Frame> {
    let mut received = Vec::new();
    while node.turn(now, from, to) || !to.is_empty() {
        received.extend(to.read(1000));
    }
    Frame::read_all(&received)
}

// L1: a client never stops reading. Of a hundred thousand Pings it answers as many as fit, and the
// newest.
#[test]
fn a_flooded_client_answers_the_newest_ping() {
    let config = Config::new();
    let mark = config.high_water_mark;
    let mut node = Node::<Client>::open(config, Cuts::every(5000));
    let (mut from, mut to) = (Pipe::new(64 << 10), Pipe::new(1000));
    flood(&mut node, &mut from, &mut to, s(1), 100_000);
    assert!(from.is_empty(), "the client stopped reading");
    assert!(node.peak <= mark + 131, "{} bytes wait", node.peak);

    let pongs: Vec<u32> = drain(&mut node, &mut from, &mut to, s(1)).iter().map(number).collect();
    assert!(pongs.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(pongs.last(), Some(&99_999));
    assert!(pongs.len() <= (mark + 1000) / 131 + 2);

    // Afterwards it behaves as before.
    let pongs = {
        from.write(&[ping::<Client>(7), ping::<Client>(8)].concat());
        drain(&mut node, &mut from, &mut to, s(1))
    };
    assert_eq!(pongs.iter().map(number).collect::<Vec<_>>(), [7, 8]);
}

// RFC 6455 section 5.5.3: a deferred Pong is not sent after a Close.
#[test]
fn no_deferred_pong_follows_a_close() {
    let mut node = Node::<Client>::open(Config::new(), Cuts::every(5000));
    let (mut from, mut to) = (Pipe::new(64 << 10), Pipe::new(1000));
    flood(&mut node, &mut from, &mut to, s(1), 10_000);
    node.endpoint.close(None, s(1)).expect("open");
    let frames = drain(&mut node, &mut from, &mut to, s(1));
    assert_eq!(frames.iter().filter(|frame| frame.first == 0x88).count(), 1);
    assert_eq!(frames.last().map(|frame| frame.first), Some(0x88));
    from.write(&Client::from_peer(0x88, b""));
    node.turn(s(1), &mut from, &mut to);
    assert!(node.closed().is_some_and(|info| info.was_clean));
}

// L1: a server waits, holds little more than the mark and one read, and then resumes.
#[test]
fn a_flooded_server_waits() {
    for mark in [0, 1000, 64 << 10] {
        let mut node = Node::<Server>::open(Config::new().high_water_mark(mark), Cuts::every(5000));
        let (mut from, mut to) = (Pipe::new(64 << 10), Pipe::new(1000));
        flood(&mut node, &mut from, &mut to, s(1), 5000);
        assert!(!node.endpoint.wants_read() && from.len() > 50_000, "the server did not wait");
        assert!(node.peak <= mark + 127, "{} bytes wait", node.peak);

        let pongs = drain(&mut node, &mut from, &mut to, s(2));
        let read: Vec<u32> = pongs.iter().map(number).collect();
        assert!(read.len() > 500 && read.iter().zip(0..).all(|(read, number)| *read == number));
        assert!(node.endpoint.wants_read() && from.is_empty());
        assert_eq!(node.endpoint.deadline(), None);
    }
}

// L1: a pause without write progress has a deadline; progress moves it, even by one byte.
#[test]
fn a_peer_that_reads_nothing_is_given_up() {
    let mut node = Node::<Server>::open(Config::new(), Cuts::every(5000));
    let (mut from, mut to) = (Pipe::new(64 << 10), Pipe::new(1000));
    flood(&mut node, &mut from, &mut to, s(1), 5000);
    assert_eq!(node.endpoint.deadline(), Some(s(11)));
    for now in (10..100).step_by(9).map(s) {
        assert_eq!(to.read(1).len(), 1);
        node.turn(now, &mut from, &mut to);
        assert_eq!(node.endpoint.deadline(), Some(now + s(10)));
    }
    assert_eq!(node.closed(), None);
    // No progress any more: attempts to write do not count.
    for now in 101..=109 {
        node.turn(s(if now < 109 { 100 } else { now }), &mut from, &mut to);
    }
    let error = SessionEvent::Error(SessionError::WriteTimeout);
    assert_eq!(node.log.iter().rev().nth(1), Some(&error));
    assert!(node.closed().is_some_and(|info| !info.was_clean));
    assert!(node.dropped);
    assert_eq!(node.endpoint.deadline(), None);
}

// L1: without a write timeout nothing is scheduled, and waiting loses no other deadline.
#[test]
fn a_paused_server_keeps_its_other_deadlines() {
    let config = Config::new().write_timeout(None);
    let mut node = Node::<Server>::open(config, Cuts::every(5000));
    let (mut from, mut to) = (Pipe::new(64 << 10), Pipe::new(1000));
    flood(&mut node, &mut from, &mut to, s(1), 5000);
    assert_eq!(node.endpoint.deadline(), None);
    node.endpoint.close(None, s(2)).expect("open");
    assert_eq!(node.endpoint.deadline(), Some(s(12)));
    node.turn(s(12), &mut from, &mut to);
    assert!(node.log.contains(&SessionEvent::Error(SessionError::WriteTimeout)));
    assert!(node.dropped, "E2: even with unwritten data");
}

// Input read while the server waits is kept in order, and delivered even if the peer has closed its
// writing side.
#[test]
fn input_is_deferred_in_order_and_to_the_end() {
    let mut node = Node::<Server>::open(Config::new().high_water_mark(10), Cuts::every(1 << 20));
    let mut wire: Vec<u8> = (0..3).flat_map(ping::<Server>).collect();
    node.read(&mut wire, s(1));
    assert!(!node.endpoint.wants_read());
    // fault-E3: one more read despite the pause.
    node.read(&mut Server::from_peer(0x81, b"last"), s(1));
    node.endpoint.end_of_input(s(1));
    node.read(&mut [], s(1));
    assert_eq!(node.closed(), None);

    let (mut from, mut to) = (Pipe::new(1), Pipe::new(1 << 20));
    let pongs = drain(&mut node, &mut from, &mut to, s(2));
    assert_eq!(pongs.iter().map(number).collect::<Vec<_>>(), [0, 1, 2]);
    let text = SessionEvent::Received(Event::Text("".into()));
    assert_eq!(node.log.iter().rev().nth(1), Some(&text));
    assert!(node.closed().is_some() && node.dropped);
}
