//! The ends of an endpoint: the bytes still written, the wait, and the report.

use core::time::Duration;

use wsproto::handshake::Response;
use wsproto::{
    Advice, Client, CloseCode, CloseFrame, Config, Endpoint, Error, Event, Initiator, KeepAlive,
    Server, SessionError, SessionEvent,
};
use wsproto_testing::{Cuts, End, Frame, Net, Node, Pipe};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn open<R: End>() -> Node<R> {
    Node::open(Config::new(), Cuts::every(1 << 20))
}

fn read<R: End>(node: &mut Node<R>, first: u8, payload: &[u8], now: Duration) {
    node.read(&mut R::from_peer(first, payload), now);
}

/// Writes everything, and takes the events.
fn write<R: End>(node: &mut Node<R>, now: Duration) -> Vec<Frame> {
    let mut written = Vec::new();
    while node.endpoint.unwritten() > 0 {
        let pending = node.endpoint.pending().to_vec();
        node.endpoint.wrote(pending.len(), now);
        written.extend(pending);
    }
    node.read(&mut [], now);
    Frame::read_all(&written)
}

fn firsts(frames: &[Frame]) -> Vec<u8> {
    frames.iter().map(|frame| frame.first).collect()
}

// fault-E1: a connection from start to end, with all four questions.
#[test]
fn the_four_questions() {
    let mut net = Net::new(&Config::new(), 100, Cuts::every(9));
    assert!(net.server.endpoint.wants_read() && net.server.endpoint.pending().is_empty());
    assert!(!net.client.endpoint.pending().is_empty(), "the request");
    assert!(net.run(|net| net.client.log == [SessionEvent::Open]));
    for endpoint in [net.client.endpoint.deadline(), net.server.endpoint.deadline()] {
        assert_eq!(endpoint, None);
    }
    net.client.endpoint.close(CloseFrame::normal("bye").ok().as_ref(), net.now).expect("open");
    let (client, server) = net.run_to_the_end();
    assert_eq!((client.code, &*client.reason), (CloseCode::NORMAL, "bye"));
    assert_eq!((client.initiator, server.initiator), (Initiator::Local, Initiator::Remote));
    assert!(client.was_clean && server.was_clean);
    assert!(net.now < s(1), "there was no wait");
}

// fault-E2: a peer that has closed its writing side and still reads gets the echo.
#[test]
fn a_half_closed_peer_gets_its_answer() {
    let mut node = open::<Server>();
    node.app = Box::new(|ws, event, _| {
        if let Some(SessionEvent::Received(Event::Text(text))) = event {
            ws.send_text(text.to_string()).expect("open");
        }
    });
    let (mut from, mut to) = (Pipe::new(1 << 20), Pipe::new(1));
    from.write(&Server::from_peer(0x81, b"echo"));
    from.shut = true;
    let mut received = Vec::new();
    while node.turn(s(1), &mut from, &mut to) {
        received.extend(to.read(1));
    }
    received.extend(to.read(1));
    assert_eq!(Frame::read_all(&received)[0].payload, b"echo");
    assert!(node.dropped && to.shut);
    assert!(node.closed().is_some_and(|info| info.initiator == Initiator::Remote));
}

// fault-E2: the wait is bounded, and so is that for a peer that reads nothing.
#[test]
fn a_reply_that_cannot_leave_is_dropped() {
    let mut node = open::<Server>();
    node.endpoint.send_binary(vec![0; 1 << 20]).expect("open");
    node.read(&mut [], s(100));
    node.endpoint.end_of_input(s(200));
    node.read(&mut [], s(200));
    assert!(node.closed().is_some());
    assert_eq!(node.endpoint.advice(), Advice::Flush);
    assert_eq!(node.endpoint.deadline(), Some(s(210)));
    node.endpoint.handle_timeout(s(210));
    assert_eq!((node.endpoint.advice(), node.endpoint.deadline()), (Advice::Drop, None));
}

// fault-E2: after the close timeout there is nothing left to wait for.
#[test]
fn a_close_timeout_drops_unwritten_output() {
    let mut node = open::<Server>();
    node.endpoint.send_binary(vec![0; 1 << 20]).expect("open");
    node.endpoint.close(None, s(1)).expect("open");
    node.endpoint.handle_timeout(s(11));
    node.read(&mut [], s(11));
    assert_eq!(node.endpoint.advice(), Advice::Drop);
    assert!(node.endpoint.unwritten() > 1 << 20);
    assert!(node.log.contains(&SessionEvent::Error(SessionError::WriteTimeout)));
}

// T1: the peer closes and resets; our Close never leaves.
#[test]
fn a_close_that_never_leaves_is_not_clean() {
    fn check<R: End>(input_ends_first: bool) {
        let mut node = open::<R>();
        read(&mut node, 0x88, b"\x0F\xA3why", s(1));
        if input_ends_first {
            node.endpoint.end_of_input(s(1));
            node.read(&mut [], s(1));
            assert_eq!(node.closed(), None, "it may still leave");
            assert_eq!(node.endpoint.advice(), Advice::Flush);
            assert_eq!(node.endpoint.deadline(), Some(s(11)));
        }
        node.endpoint.write_failed();
        node.read(&mut [], s(1));
        let info = node.closed().expect("nothing is left to wait for").clone();
        assert_eq!((info.code, &*info.reason), (CloseCode::from(4003), "why"));
        assert!(!info.was_clean);
        assert_eq!((node.endpoint.advice(), node.endpoint.deadline()), (Advice::Drop, None));
        assert!(node.endpoint.lost() >= 7 && node.endpoint.unwritten() == 0);
    }
    check::<Server>(false);
    check::<Client>(false);
    check::<Server>(true);
    check::<Client>(true);
}

// T1: a peer that closes its writing side right after its Close still gets our Close, and the end
// is clean; unless it does not read it in time.
#[test]
fn a_close_that_leaves_after_the_end_of_the_input_is_clean() {
    for leaves in [true, false] {
        let mut node = open::<Client>();
        read(&mut node, 0x88, b"\x03\xE8", s(1));
        node.endpoint.end_of_input(s(1));
        if leaves {
            assert_eq!(firsts(&write(&mut node, s(2))), [0x88]);
        } else {
            node.endpoint.handle_timeout(s(10));
            assert_eq!(node.closed(), None);
            node.endpoint.handle_timeout(s(11));
        }
        node.read(&mut [], s(11));
        assert!(node.closed().is_some_and(|info| info.was_clean == leaves));
        assert_eq!((node.endpoint.advice(), node.endpoint.deadline()), (Advice::Drop, None));
    }
}

// T1: data that the peer sent before it went away is delivered even if writing has failed.
#[test]
fn the_last_data_of_a_peer_is_delivered() {
    let mut node = open::<Server>();
    node.endpoint.write_failed();
    assert!(node.endpoint.has_failed() && node.endpoint.wants_read());
    node.endpoint.send_text("lost").expect("open");
    assert_eq!((node.endpoint.unwritten(), node.endpoint.lost()), (0, 6));
    read(&mut node, 0x81, b"last", s(1));
    read(&mut node, 0x88, b"\x03\xE9", s(1));
    assert!(node.closed().is_some_and(|info| info.code == CloseCode::GOING_AWAY));
    assert_eq!(node.endpoint.advice(), Advice::Drop);
}

// L12: a dead peer is reported as soon as it is detected.
#[test]
fn an_absent_peer_is_not_waited_for() {
    let config = Config::new().keep_alive(Some(KeepAlive::new(s(30), s(5))));
    let mut node = Node::<Server>::open(config, Cuts::every(1 << 20));
    let mut pipes = (Pipe::new(10), Pipe::new(10));
    node.turn(s(30), &mut pipes.0, &mut pipes.1);
    node.turn(s(35), &mut pipes.0, &mut pipes.1);
    assert!(node.log.contains(&SessionEvent::Error(SessionError::KeepAliveTimeout)));
    assert!(node.closed().is_some());
    // Its transport lingers for the Close that gives the reason.
    assert_eq!(node.endpoint.advice(), Advice::Shutdown);
    assert_eq!(node.endpoint.deadline(), Some(s(37)));
    node.turn(s(37), &mut pipes.0, &mut pipes.1);
    assert!(node.dropped);
}

// L13: the connection is closed once both Closes are exchanged and ours is written; the transport
// lingers for a moment.
#[test]
fn a_peer_that_keeps_its_transport_open_delays_nothing() {
    fn check<R: End>(linger: Option<Duration>, deadline: Duration) {
        let config = Config::new().close_timeout(linger);
        for ours_first in [false, true] {
            let mut node = Node::<R>::open(config.clone(), Cuts::every(1 << 20));
            if ours_first {
                node.endpoint.close(None, s(1)).expect("open");
                write(&mut node, s(1));
            }
            read(&mut node, 0x88, b"\x03\xE8", s(3));
            if !ours_first {
                assert_eq!(node.closed(), None);
                write(&mut node, s(3));
            }
            assert!(node.closed().is_some_and(|info| info.was_clean));
            let waits = if R::SIDE == Client::SIDE { Advice::AwaitEnd } else { Advice::Shutdown };
            assert_eq!(node.endpoint.advice(), waits);
            assert!(node.endpoint.wants_read(), "to discard");
            assert_eq!(node.endpoint.deadline(), Some(s(3) + deadline));
            read(&mut node, 0x81, b"late", s(3));
            node.endpoint.handle_timeout(s(3) + deadline);
            assert_eq!((node.endpoint.advice(), node.endpoint.deadline()), (Advice::Drop, None));
        }
    }
    for (linger, deadline) in [(Some(s(10)), s(2)), (Some(s(1)), s(1)), (None, s(2))] {
        check::<Server>(linger, deadline);
        check::<Client>(linger, deadline);
    }
}

// fault-E3: a peer that never stops sending does not postpone a deadline.
#[test]
fn a_flood_does_not_postpone_a_deadline() {
    fn check<R: End>(close: fn(&mut Node<R>), error: SessionError) {
        let mut node = open::<R>();
        close(&mut node);
        let (mut from, mut to) = (Pipe::new(100), Pipe::new(1 << 20));
        to.stuck = true;
        let (text, mut turns) = (R::from_peer(0x82, &[0; 50]), 0);
        while !node.dropped {
            turns += 1;
            let now = s(1) + Duration::from_millis(turns);
            from.write(&text);
            node.turn(now, &mut from, &mut to);
        }
        assert_eq!(turns, 10_000, "the close timeout, and not a read more");
        assert!(node.log.contains(&SessionEvent::Error(error)));
        assert!(node.closed().is_some());
    }
    fn we_close<R: End>(node: &mut Node<R>) {
        node.endpoint.close(None, s(1)).expect("open");
    }
    fn it_breaks_a_rule<R: End>(node: &mut Node<R>) {
        node.read(&mut [0x83], s(1));
    }
    let broken = SessionError::Protocol(Error::ReservedOpcode.into());
    check::<Server>(we_close, SessionError::WriteTimeout);
    check::<Client>(we_close, SessionError::WriteTimeout);
    check::<Server>(it_breaks_a_rule, broken.clone());
    check::<Client>(it_breaks_a_rule, broken);
}

// fault-E4: a Close through the sender, then a violation: one error, then the end.
#[test]
fn an_error_comes_once_and_then_the_end() {
    let mut node = open::<Server>();
    node.endpoint.send_with(|sender, out| sender.close(None, out)).expect("open");
    for _ in 0..3 {
        node.read(&mut b"\x81\x02Hi".to_vec(), s(1));
    }
    let error = SessionEvent::Error(SessionError::Protocol(Error::UnmaskedFrame.into()));
    assert_eq!(node.log.iter().filter(|event| **event == error).count(), 1);
    assert_eq!(firsts(&write(&mut node, s(1))), [0x88]);
    assert!(node.closed().is_some_and(|info| !info.was_clean && info.code == CloseCode::ABNORMAL));
}

// fault-E7: a Close through the sender moves the deadline, and handling a timeout leaves bytes to
// write.
#[test]
fn the_deadline_moves_with_every_call() {
    let config = Config::new().keep_alive(Some(KeepAlive::new(s(60), s(5))));
    let mut node = Node::<Client>::open(config, Cuts::every(1 << 20));
    assert_eq!(node.endpoint.deadline(), Some(s(60)));
    node.endpoint.handle_timeout(s(60));
    assert_eq!(node.endpoint.deadline(), Some(s(65)));
    assert_eq!(firsts(&write(&mut node, s(60))), [0x89]);
    read(&mut node, 0x8A, &[0; 4], s(61));
    assert_eq!(node.endpoint.deadline(), Some(s(121)));
    node.endpoint.send_with(|sender, out| sender.close(None, out)).expect("open");
    assert_eq!(node.endpoint.deadline(), Some(s(71)));
}

// I10: an abort ends every stage at once, even with unwritten data.
#[test]
fn an_abort_drops_everything() {
    let stages: [fn(&mut Node<Server>); 5] = [
        |_| {},
        |node| node.endpoint.send_text("unwritten").expect("open"),
        |node| node.endpoint.end_of_input(s(1)),
        |node| read(node, 0x88, b"", s(1)),
        |node| {
            node.endpoint.send_binary(vec![0; 100_000]).expect("open");
            node.endpoint.end_of_input(s(1));
        },
    ];
    for stage in stages {
        let mut node = open::<Server>();
        stage(&mut node);
        node.endpoint.abort();
        assert_eq!((node.endpoint.advice(), node.endpoint.deadline()), (Advice::Drop, None));
        assert!(!node.endpoint.wants_read());
        node.read(&mut [], s(1));
        assert!(node.closed().is_some());
    }
}

// A session that is taken over with unwritten output writes that first.
#[test]
fn a_session_is_taken_over_with_its_output() {
    let mut out = Vec::new();
    let session = Client::session(&Client::opening(), Config::new(), &mut out);
    let mut endpoint = Endpoint::new(session, out.clone());
    assert_eq!(endpoint.pending(), out);
    assert_eq!(endpoint.unwritten(), out.len());
}

// L14: while the peer reads what is in front of the Close, the closing handshake has time; so has the rest of an
// HTTP response, and what a half-closed peer still reads.
#[test]
fn a_peer_that_reads_has_time() {
    fn check<R: End>(ends: bool) {
        let mut node = Node::<R>::open(Config::new(), Cuts::every(1 << 20));
        node.endpoint.send_binary(vec![0; 1_000_000]).expect("open");
        node.endpoint.close(None, s(0)).expect("always allowed");
        let mut now = s(0);
        if ends {
            node.read(&mut R::from_peer(0x88, b""), now);
            node.endpoint.end_of_input(now);
        }
        // One byte each nine seconds is enough.
        for _ in 0..20 {
            now += s(9);
            node.endpoint.handle_timeout(now);
            node.endpoint.wrote(1, now);
            node.read(&mut [], now);
        }
        assert_ne!(node.endpoint.advice(), Advice::Drop);
        // Nothing is not.
        let error = match ends {
            true => None,
            false => Some(SessionEvent::Error(SessionError::WriteTimeout)),
        };
        assert_eq!(node.endpoint.deadline(), Some(now + s(10)));
        node.endpoint.handle_timeout(now + s(10));
        node.read(&mut [], now + s(10));
        assert_eq!(node.endpoint.advice(), Advice::Drop);
        let errors = |event: &&SessionEvent<_>| matches!(event, SessionEvent::Error(_));
        assert_eq!(node.log.iter().find(errors), error.as_ref());
    }
    for ends in [false, true] {
        check::<Server>(ends);
        check::<Client>(ends);
    }
}

// L14: the same for an HTTP response.
#[test]
fn a_client_that_reads_a_response_has_time() {
    let mut node = Node::<Server>::begin(Config::new(), Cuts::every(1 << 20));
    let mut input = *b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut rest = &mut input[..];
    let event = node.endpoint.next_event(s(0), &mut rest);
    assert_eq!(event, Some(SessionEvent::Http));
    let body = "x".repeat(1_000_000);
    node.endpoint.respond(&Response::text(200, &body), s(0)).expect("a request");
    for now in (9..200).step_by(9).map(s) {
        node.endpoint.handle_timeout(now);
        node.endpoint.wrote(1, now);
        assert_eq!(node.endpoint.advice(), Advice::Shutdown);
    }
}
