//! The keep-alive: signs of life, and the start of the patience.

use core::time::Duration;

use wsproto::{Client, Config, Event, KeepAlive, SendError, Server, SessionError, SessionEvent};
use wsproto_testing::{Cuts, End, Life, Node};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn config(interval: Duration, patience: Duration) -> Config {
    Config::new().keep_alive(Some(KeepAlive::new(interval, patience)))
}

fn gave_up<R: End>(life: &Life<R>) -> bool {
    life.log.contains(&SessionEvent::Error(SessionError::KeepAliveTimeout))
}

// L14: a peer that takes five seconds to send one frame, with a patience of one second, is alive.
// Its Pong comes after the frame, and gives the whole round trip.
#[test]
fn a_peer_that_uploads_is_alive() {
    fn check<R: End>() {
        let mut life = Life::<R>::open(config(ms(500), ms(1000)));
        let frame = R::from_peer(0x82, &[0; 50_000]);
        let mut now = ms(0);
        for part in frame.chunks(1000) {
            now += ms(100);
            if life.session.deadline().is_some_and(|at| at <= now) {
                life.at(now);
            }
            life.now = now;
            life.read(part);
        }
        assert!(!gave_up(&life));
        life.read_frame(0x8A, &0_u32.to_be_bytes());
        assert_eq!(life.session.round_trip(), Some(now - ms(500)));
        assert_eq!(life.session.deadline(), Some(now + ms(500)));
    }
    check::<Server>();
    check::<Client>();
}

// L14: the same if the frame waits in the caller's buffer, where each byte counts once.
#[test]
fn bytes_left_in_place_count_once() {
    for (step, alive) in [(1000, true), (1, false)] {
        let mut life = Life::<Server>::open(config(ms(500), ms(1000)));
        let mut buffer = Server::from_peer(0x82, &[0; 50_000]);
        let mut arrived = 8000;
        let mut now = ms(0);
        for _ in 0..40 {
            now += ms(100);
            life.session.handle_timeout(now, &mut life.out);
            arrived += step;
            let mut input = &mut buffer[..arrived];
            let event = life.session.next_event_in_place(now, &mut input, 60_000, &mut life.out);
            match event {
                Some(SessionEvent::Error(_)) => life.log.push(event.unwrap().into_owned()),
                event => assert!(event.is_none() || !alive),
            }
        }
        assert_eq!(!gave_up(&life), alive, "{step} bytes each time");
    }
}

// L14: a trickle of single bytes is not a sign of life.
#[test]
fn a_peer_that_trickles_is_not() {
    let mut life = Life::<Server>::open(config(ms(500), ms(1000)));
    life.at(ms(500));
    life.read(&Server::from_peer(0x82, &[0; 50_000])[..3900]);
    for now in (510..1500).step_by(10) {
        life.at(ms(now));
        life.read(&[0]);
    }
    life.at(ms(1500));
    assert!(gave_up(&life));
}

// L14: after a late call, the next patience ends in the future.
#[test]
fn a_late_call_does_not_leave_a_deadline_in_the_past() {
    let mut life = Life::<Server>::open(config(ms(500), ms(1000)));
    life.at(ms(500));
    life.read(&Server::from_peer(0x82, &[0; 10_000])[..5000]);
    life.at(ms(7600));
    assert_eq!(life.session.deadline(), Some(ms(8500)));
    life.read(&[0; 5008][..]);
    life.read_frame(0x8A, &0_u32.to_be_bytes());
    assert_eq!(life.session.round_trip(), Some(ms(7100)));
}

// L14: a long download: the Ping waits behind it, and the patience begins once it has left.
#[test]
fn a_ping_that_has_not_left_needs_no_answer() {
    fn check<R: End>() {
        let mut node = Node::<R>::open(config(ms(500), ms(1000)), Cuts::every(1 << 20));
        node.endpoint.send_binary(vec![0; 1_000_000]).expect("open");
        let mut now = ms(0);
        // One byte per patience is enough: the peer reads.
        while now < ms(20_000) {
            now += ms(900);
            node.endpoint.handle_timeout(now);
            node.endpoint.wrote(1, now);
        }
        while node.endpoint.unwritten() > 0 {
            let len = node.endpoint.pending().len();
            node.endpoint.wrote(len, now);
        }
        node.read(&mut [], now);
        assert_eq!(node.log.last(), Some(&SessionEvent::Open), "{:?}", node.closed());
        assert_eq!(node.endpoint.deadline(), Some(now + ms(1000)));
        // Data written after the Ping does not extend the wait.
        node.endpoint.send_text("more").expect("open");
        node.endpoint.wrote(3, now + ms(500));
        assert_eq!(node.endpoint.deadline(), Some(now + ms(1000)));
        node.read(&mut R::from_peer(0x8A, &0_u32.to_be_bytes()), now + ms(40));
        assert_eq!(node.endpoint.session().round_trip(), Some(ms(40)));
    }
    check::<Server>();
    check::<Client>();
}

// L14: a peer that reads nothing for that long is not alive.
#[test]
fn a_peer_that_reads_nothing_is_not_alive() {
    let mut node = Node::<Client>::open(config(ms(500), ms(1000)), Cuts::every(1 << 20));
    node.endpoint.send_binary(vec![0; 1_000_000]).expect("open");
    node.endpoint.handle_timeout(ms(500));
    node.endpoint.handle_timeout(ms(1500));
    node.read(&mut [], ms(1500));
    assert!(node.log.contains(&SessionEvent::Error(SessionError::KeepAliveTimeout)));
    assert!(node.closed().is_some());
}

// L14: while a server waits, the Pong may be among the unread input.
#[test]
fn a_paused_server_does_not_miss_the_pong() {
    let mut configured = config(ms(500), ms(1000)).high_water_mark(100);
    configured.write_timeout = Some(ms(60_000));
    let mut node = Node::<Server>::open(configured, Cuts::every(1 << 20));
    node.app = Box::new(|ws, event, _| {
        if let Some(SessionEvent::Received(Event::Text(_))) = event {
            ws.send_binary(vec![0; 1000]).expect("open");
        }
    });
    node.endpoint.handle_timeout(ms(500));
    node.endpoint.wrote(usize::MAX, ms(500));
    let frames = [Server::from_peer(0x81, b"?"), Server::from_peer(0x8A, &0_u32.to_be_bytes())];
    node.read(&mut frames.concat(), ms(600));
    assert!(!node.endpoint.wants_read());
    for now in (600..10_000).step_by(100).map(ms) {
        node.endpoint.handle_timeout(now);
        node.read(&mut [], now);
    }
    assert_eq!(node.closed(), None);
    node.endpoint.wrote(usize::MAX, ms(10_000));
    node.read(&mut [], ms(10_000));
    assert!(node.endpoint.session().round_trip().is_some());
}

// L14: while a loop serves others first, the Pong may be among the deferred input.
#[test]
fn a_pong_in_deferred_input_is_not_missed() {
    let mut node = Node::<Server>::open(config(ms(500), ms(1000)), Cuts::every(1 << 20));
    node.endpoint.handle_timeout(ms(500));
    node.endpoint.wrote(usize::MAX, ms(500));
    let mut pong = Server::from_peer(0x8A, &0_u32.to_be_bytes());
    node.endpoint.defer_input(&mut &mut pong[..]);
    node.endpoint.handle_timeout(ms(1500));
    assert_eq!(node.closed(), None);
    node.read(&mut [], ms(1600));
    assert!(node.endpoint.session().round_trip().is_some());
    assert!(node.log.iter().all(|event| !matches!(event, SessionEvent::Error(_))));
}

// B11: zero disables the keep-alive, and shorter times count as ten milliseconds.
#[test]
fn zero_is_off_and_tiny_is_not_a_flood() {
    fn check<R: End>() {
        for (interval, patience) in [(ms(0), ms(1000)), (ms(1000), ms(0)), (ms(0), ms(0))] {
            let life = Life::<R>::open(config(interval, patience));
            assert_eq!(life.session.deadline(), None);
        }
        let nano = Duration::from_nanos(1);
        let mut life = Life::<R>::open(config(nano, nano));
        assert_eq!(life.session.deadline(), Some(ms(10)));
        life.at(ms(10));
        assert_eq!(life.session.deadline(), Some(ms(20)));
        life.read_frame(0x8A, &0_u32.to_be_bytes());
        assert_eq!(life.session.deadline(), Some(ms(20)));
    }
    check::<Server>();
    check::<Client>();
}

// B11, B7: with all timeouts zero, or as long as possible, in every stage: a loop that handles
// deadlines runs out of them.
#[test]
fn zero_and_endless_timeouts_are_harmless() {
    fn check<R: End>(timeout: Duration, now: Duration) {
        let mut config = config(timeout, timeout).high_water_mark(0);
        config.handshake_timeout = Some(timeout);
        config.close_timeout = Some(timeout);
        config.write_timeout = Some(timeout);
        let stages: [fn(&mut Node<R>, Duration); 6] = [
            |_, _| {},
            |node, now| node.endpoint.close(None, now).expect("always allowed"),
            |node, now| node.read(&mut R::from_peer(0x89, b"?"), now),
            |node, now| node.read(&mut R::from_peer(0x88, b""), now),
            |node, now| node.read(&mut [0x83], now),
            |node, now| node.endpoint.end_of_input(now),
        ];
        for stage in stages {
            for opened in [false, true] {
                let begin = if opened { Node::<R>::open } else { Node::<R>::begin };
                let mut node = begin(config.clone(), Cuts::every(1 << 20));
                node.read(&mut [], now);
                stage(&mut node, now);
                let mut calls = 0;
                while node.endpoint.deadline().is_some_and(|at| at <= now) {
                    node.endpoint.handle_timeout(now);
                    node.read(&mut [], now);
                    calls += 1;
                    assert!(calls < 5, "a deadline stays in the past");
                }
                // Checks the order of the events.
                let _ = node.closed();
            }
        }
    }
    for timeout in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        for now in [ms(0), ms(1000), Duration::MAX] {
            check::<Server>(timeout, now);
            check::<Client>(timeout, now);
        }
    }
}

// M13: a Ping at once, with a patience of its own, with a keep-alive or without.
#[test]
fn a_ping_within_a_patience_finds_out_whether_the_peer_is_there() {
    fn check<R: End>(config: &Config, next_ping: Option<Duration>) {
        let begin = || {
            let mut life = Life::<R>::open(config.clone());
            life.at(ms(100));
            life.session.ping_within(ms(50), ms(100), &mut life.out).expect("open");
            assert_eq!(life.session.deadline(), Some(ms(150)));
            assert_eq!(life.take_sent().len(), 1);
            life
        };
        let mut life = begin();
        life.at(ms(130));
        life.read_frame(0x8A, &0_u32.to_be_bytes());
        assert_eq!(life.session.round_trip(), Some(ms(30)));
        assert_eq!(life.session.deadline(), next_ping);
        assert!(!gave_up(&life));
        // The usual patience again.
        if let Some(at) = next_ping {
            life.at(at);
            assert_eq!(life.session.deadline(), Some(at + ms(1000)));
        }
        let mut life = begin();
        life.read_frame(0x8A, b"another");
        life.at(ms(150));
        assert!(gave_up(&life));
        let closed = life.session.ping_within(ms(50), ms(150), &mut life.out);
        assert_eq!(closed, Err(SendError::Closed));
    }
    for config in [Config::new(), config(ms(0), ms(0))] {
        check::<Server>(&config, None);
        check::<Client>(&config, None);
    }
    check::<Server>(&config(ms(500), ms(1000)), Some(ms(630)));
    check::<Client>(&config(ms(500), ms(1000)), Some(ms(630)));
}

// M13: it does not give an outstanding Pong more time; its own may come first.
#[test]
fn a_second_ping_does_not_prolong_the_first() {
    let mut life = Life::<Server>::open(config(ms(500), ms(1000)));
    life.at(ms(500));
    life.at(ms(1400));
    life.session.ping_within(ms(800), ms(1400), &mut life.out).expect("open");
    assert_eq!(life.session.deadline(), Some(ms(1500)));
    life.read_frame(0x8A, &0_u32.to_be_bytes());
    assert_eq!(life.session.deadline(), Some(ms(1500)), "the second is still awaited");
    life.read_frame(0x8A, &1_u32.to_be_bytes());
    assert_eq!(life.session.deadline(), Some(ms(1900)));
    life.session.ping_within(Duration::ZERO, ms(1400), &mut life.out).expect("open");
    assert_eq!(life.session.deadline(), Some(ms(1410)), "at least 10 ms");
}

// M13: as with every Ping, the patience begins once it has left.
#[test]
fn a_ping_behind_other_output_waits_for_it() {
    let mut node = Node::<Client>::open(Config::new(), Cuts::every(1 << 20));
    node.endpoint.send_binary(vec![0; 1_000_000]).expect("open");
    node.endpoint.ping_within(ms(50), ms(0)).expect("open");
    for now in (0..2000).step_by(40).map(ms) {
        node.endpoint.wrote(1, now);
        node.endpoint.handle_timeout(now);
    }
    node.read(&mut [], ms(2000));
    assert_eq!(node.log.last(), Some(&SessionEvent::Open));
    assert_eq!(node.endpoint.ping_within(ms(50), ms(2000)), Ok(()));
}

// A transport that was blocked, of a connection that has used the buffer before, says nothing about the peer.
#[test]
fn a_lent_buffer_is_no_sign_of_life() {
    fn check<R: End>() {
        let open = || Node::<R>::open(config(ms(500), ms(1000)), Cuts::every(1 << 20));
        let (mut before, mut node) = (open(), open());
        before.endpoint.handle_timeout(ms(500));
        before.endpoint.write_blocked();
        before.endpoint.wrote(usize::MAX, ms(500));
        node.endpoint.handle_timeout(ms(500));
        node.endpoint.wrote(usize::MAX, ms(500));
        assert!(node.endpoint.reclaim().is_some());
        let mut outbox = before.endpoint.reclaim();
        assert!(outbox.is_some());
        node.endpoint.lend(&mut outbox);
        node.endpoint.send_text("still there?").expect("open");
        node.endpoint.wrote(usize::MAX, ms(900));
        assert_eq!(node.endpoint.deadline(), Some(ms(1500)));
    }
    check::<Server>();
    check::<Client>();
}

// M13: a keep-alive can change while the connection is open.
#[test]
fn a_keep_alive_can_change() {
    fn check<R: End>() {
        let mut life = Life::<R>::open(Config::new());
        life.session.set_keep_alive(Some(KeepAlive::new(ms(500), ms(1000))), ms(100));
        assert_eq!(life.session.deadline(), Some(ms(600)));
        life.at(ms(600));
        assert_eq!(life.session.deadline(), Some(ms(1600)));
        // The Pong is no longer awaited.
        life.session.set_keep_alive(Some(KeepAlive::new(ms(200), ms(100))), ms(1000));
        assert_eq!(life.session.deadline(), Some(ms(1200)));
        life.read_frame(0x8A, &0_u32.to_be_bytes());
        assert_eq!(life.session.deadline(), Some(ms(1200)));
        life.at(ms(1200));
        life.session.set_keep_alive(None, ms(1250));
        assert_eq!(life.session.deadline(), None);
        life.at(ms(9000));
        assert!(!gave_up(&life));
        // Not once it closes: the deadline is that of the closing handshake.
        life.close(None).expect("always allowed");
        let closing = life.session.deadline();
        life.session.set_keep_alive(Some(KeepAlive::new(ms(1), ms(1))), ms(9000));
        assert_eq!(life.session.deadline(), closing);
    }
    check::<Server>();
    check::<Client>();
    // Before the opening, it takes effect at the opening.
    let mut life = Life::<Server>::begin(Config::new());
    life.session.set_keep_alive(Some(KeepAlive::new(ms(500), ms(1000))), ms(0));
    let opening = Server::handshake(&life.out);
    life.read(&opening);
    assert_eq!(life.session.deadline(), Some(ms(500)));
}
