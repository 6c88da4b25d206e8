//! Time as an input: every deadline of a session, its effect, and the events that do not move it
//! (A39; promises I8 and I10).

mod support;

use core::time::Duration;

use wsproto::handshake::{Response, ResponseError};
use wsproto::{
    Advice, Client, CloseCode, CloseInfo, Config, Initiator, KeepAlive, ReadyState, SendError,
    Server, SessionError, SessionEvent,
};
use wsproto_testing::{End, Life, REQUEST};

use support::{VIOLATION, config};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const MOMENT: Duration = Duration::from_nanos(1);

fn keep_alive(interval: Duration, patience: Duration) -> Config {
    config(|config| config.keep_alive = Some(KeepAlive { interval, patience }))
}

fn without_deadlines() -> Config {
    config(|config| {
        config.handshake_timeout = None;
        config.close_timeout = None;
    })
}

/// Asserts that nothing happens just before the deadline, which stays.
fn nothing_happens_early<R: End>(life: &mut Life<R>) {
    let deadline = life.session.deadline().expect("a deadline");
    let before = (life.out.clone(), life.log.clone(), life.session.ready_state());
    for early in [Duration::ZERO, deadline / 2, deadline - MOMENT] {
        life.at(early.max(life.now));
        assert_eq!(life.session.deadline(), Some(deadline), "a deadline that moved");
    }
    assert_eq!((life.out.clone(), life.log.clone(), life.session.ready_state()), before);
}

fn last_error<R: End>(life: &Life<R>) -> Option<SessionError> {
    life.log.iter().find_map(|event| match event {
        SessionEvent::Error(error) => Some(error.clone()),
        _ => None,
    })
}

/// As [`lost`], after this end has sent a Close with this code.
fn lost_after(code: CloseCode) -> CloseInfo {
    CloseInfo { sent: Some(code), ..lost(Initiator::Local) }
}

fn lost(initiator: Initiator) -> CloseInfo {
    CloseInfo::abnormal(initiator)
}

/// A39, A57: ten seconds each unless configured otherwise, and no keep-alive.
#[test]
fn the_default_deadlines() {
    let config = Config::default();
    assert_eq!(config.handshake_timeout, Some(s(10)));
    assert_eq!(config.close_timeout, Some(s(10)));
    assert_eq!(config.keep_alive, None);
}

/// A39, R6455-4.2.1-13: a client that trickles a head gets 408; one that sent nothing gets nothing.
#[test]
fn a_server_limits_the_time_of_the_handshake() {
    let mut life = Life::<Server>::begin(Config::default());
    nothing_happens_early(&mut life);
    life.at(s(10));
    assert!(life.out.is_empty());
    assert_eq!(last_error(&life), None);
    assert_eq!(life.ended(), lost(Initiator::Local));

    let mut life = Life::<Server>::begin(Config::default());
    for byte in &REQUEST[..9] {
        life.at(life.now + s(1));
        life.read(&[*byte]);
        assert_eq!(life.session.deadline(), Some(s(10)), "bytes do not move it");
    }
    nothing_happens_early(&mut life);
    life.at(s(10));
    assert!(life.out.starts_with(b"HTTP/1.1 408 "));
    assert_eq!(life.log, [SessionEvent::Error(SessionError::HandshakeTimeout)]);
    assert_eq!(life.session.advice(), Advice::Shutdown);

    // The response gets as much time to leave as a closing handshake.
    assert_eq!(life.session.deadline(), Some(s(20)));
    nothing_happens_early(&mut life);
    life.at(s(20));
    assert_eq!(life.ended(), lost(Initiator::Local));
}

/// A39: a client also waits no longer than that for a response; nothing is sent.
#[test]
fn a_client_limits_the_time_of_the_handshake() {
    for part in ["", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs"] {
        let mut life = Life::<Client>::begin(Config::default());
        life.out.clear();
        life.read(part.as_bytes());
        nothing_happens_early(&mut life);
        life.at(s(10));
        assert!(life.out.is_empty());
        assert_eq!(last_error(&life), Some(SessionError::HandshakeTimeout));
        assert_eq!(life.ended(), lost(Initiator::Local));
    }
    // A refusal whose body does not end is still a refusal.
    let mut life = Life::<Client>::begin(Config::default());
    life.read(b"HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nnot th");
    life.at_deadline();
    assert_eq!(last_error(&life), Some(ResponseError::Status(404).into()));
    let response = life.session.take_response().expect("kept");
    assert_eq!((response.status(), response.body_bytes()), (404, &b"not th"[..]));
}

/// The handshake's deadline ends with it; without a keep-alive, an open session has none
/// (R6455-7.1.7-5).
#[test]
fn an_open_session_has_no_deadline_of_its_own() {
    assert_eq!(Life::<Server>::open(Config::default()).session.deadline(), None);
    assert_eq!(Life::<Client>::open(Config::default()).session.deadline(), None);
}

/// A39, R6455-5.5.1-9: the deadline of the closing handshake starts with the first Close, from
/// either end, and incoming data does not move it.
#[test]
fn the_closing_handshake_has_one_deadline() {
    fn check<R: End>() {
        // The awaited Close, and the error if it does not arrive.
        type Begin<R> = fn(&mut Life<R>);
        let unwritten: Begin<R> = |life| life.close(None).expect("open");
        let ours: Begin<R> = |life| {
            life.close(None).expect("open");
            life.flush();
        };
        let theirs: Begin<R> = |life| life.read_frame(0x88, b"\x03\xE8");
        let wrong: Begin<R> = |life| life.read(&VIOLATION);
        for (begin, error, code, clean) in [
            (ours, Some(SessionError::CloseTimeout), 1006, false),
            (unwritten, Some(SessionError::WriteTimeout), 1006, false),
            // T1: our Close was never written.
            (theirs, None, 1000, false),
            (wrong, Some(wsproto::Error::ReservedOpcode.into()), 1006, false),
        ] {
            let mut life = Life::<R>::open(config(|c| c.close_timeout = Some(s(3))));
            life.at(s(100));
            begin(&mut life);
            assert_eq!(life.session.deadline(), Some(s(103)));
            life.at(s(101));
            life.read_frame(0x81, b"still here");
            life.read_frame(0x89, b"");
            life.close(None).expect("harmless");
            assert_eq!(life.session.deadline(), Some(s(103)), "a deadline that moved");
            nothing_happens_early(&mut life);
            life.at(s(103));
            assert_eq!(last_error(&life), error);
            let end = life.ended();
            assert_eq!((end.code, end.was_clean), (CloseCode::from(code), clean));
        }
    }
    check::<Server>();
    check::<Client>();
}

/// The second Close does not restart the deadline.
#[test]
fn the_answer_to_our_close_does_not_move_the_deadline() {
    let mut life = Life::<Client>::open(Config::default());
    life.close(None).expect("open");
    life.at(s(4));
    life.read_frame(0x88, b"");
    assert_eq!(life.session.advice(), Advice::AwaitEnd);
    assert_eq!(life.session.deadline(), Some(s(10)));
    life.at(s(10));
    assert_eq!(last_error(&life), None, "both Closes were exchanged");
    assert!(!life.ended().was_clean, "T1: ours was not written");
}

/// A Close sent through the sending half has a deadline, too, even if nothing arrives any more and
/// only the deadline is handled.
#[test]
fn a_close_through_the_sender_has_a_deadline() {
    let mut life = Life::<Server>::open(keep_alive(s(30), s(5)));
    let sender = life.session.sender().expect("open");
    sender.close(None, &mut life.out).expect("open");
    life.flush();
    let mut calls = 0;
    while life.session.ready_state() != ReadyState::Closed {
        calls += 1;
        assert!(calls < 4);
        let now = life.session.deadline().expect("a deadline");
        life.session.handle_timeout(now, &mut life.out);
    }
    life.read(&[]);
    assert_eq!(last_error(&life), Some(SessionError::CloseTimeout));
    assert_eq!(life.ended(), lost_after(CloseCode::NO_STATUS));
}

/// S4-19, X14: without deadlines, a session waits forever and reports no deadline.
#[test]
fn deadlines_can_be_turned_off() {
    let mut life = Life::<Server>::begin(without_deadlines());
    assert_eq!(life.session.deadline(), None);
    life.read(REQUEST);
    life.close(None).expect("open");
    assert_eq!(life.session.deadline(), None);
    life.at(s(u64::MAX));
    assert_eq!(life.session.ready_state(), ReadyState::Closing);
    life.end_of_input();
    assert_eq!(life.ended(), lost_after(CloseCode::NO_STATUS));
}

/// One Ping per interval after the last Pong, numbered; the Pong gives the round trip.
#[test]
fn a_keep_alive_pings_and_measures() {
    fn check<R: End>() {
        let mut life = Life::<R>::open(keep_alive(s(30), s(5)));
        assert_eq!(life.session.round_trip(), None);
        let mut now = Duration::ZERO;
        for number in 0..3_u32 {
            assert_eq!(life.session.deadline(), Some(now + s(30)));
            nothing_happens_early(&mut life);
            now += s(30);
            life.at(now);
            let [ping] = &life.take_sent()[..] else { panic!("one Ping") };
            assert_eq!((ping.first, &ping.payload[..]), (0x89, &number.to_be_bytes()[..]));
            assert_eq!(life.session.deadline(), Some(now + s(5)));

            let trip = Duration::from_millis(40 + u64::from(number));
            now += trip;
            life.at(now);
            life.read_frame(0x8A, &number.to_be_bytes());
            assert_eq!(life.session.round_trip(), Some(trip));
            assert!(life.out.is_empty(), "a Pong is not answered");
        }
        assert_eq!(last_error(&life), None);
        assert_eq!(life.session.ready_state(), ReadyState::Open);
    }
    check::<Server>();
    check::<Client>();
}

/// Traffic is not a Pong and does not delay the Ping: a peer that trickles is detected.
#[test]
fn traffic_does_not_replace_a_pong() {
    let mut life = Life::<Server>::open(keep_alive(s(30), s(5)));
    for second in 1..30 {
        life.at(s(second));
        life.read_frame(0x81, b"chatter");
        assert_eq!(life.session.deadline(), Some(s(30)));
    }
    life.at(s(30));
    for second in 31..35 {
        life.at(s(second));
        life.read_frame(0x81, b"chatter");
        assert_eq!(life.session.deadline(), Some(s(35)));
    }
    life.at(s(35));
    assert_eq!(last_error(&life), Some(SessionError::KeepAliveTimeout));
}

/// A38, R6455-5.5.3-3: only the Pong with the payload of the newest Ping answers it.
#[test]
fn only_the_newest_ping_can_be_answered() {
    let mut life = Life::<Client>::open(keep_alive(s(30), s(5)));
    // Too early: the right payload, but no Ping was sent yet.
    life.read_frame(0x8A, &0_u32.to_be_bytes());
    assert_eq!((life.session.deadline(), life.session.round_trip()), (Some(s(30)), None));
    life.at(s(30));
    life.read_frame(0x8A, &0_u32.to_be_bytes());
    assert_eq!(life.session.deadline(), Some(s(60)));

    life.at(s(60));
    let old = 0_u32.to_be_bytes();
    let next = 2_u32.to_be_bytes();
    for stale in [&b""[..], b"?", &old, &next, &[0, 0, 0, 1, 0], &[0, 0, 1]] {
        life.read_frame(0x8A, stale);
        assert_eq!(life.session.deadline(), Some(s(65)), "{stale:?} is no answer");
    }
    life.read_frame(0x8A, &1_u32.to_be_bytes());
    assert_eq!(life.session.deadline(), Some(s(90)));
}

/// A peer that does not answer gets a Close with a reason; the application gets an error and an
/// end.
#[test]
fn a_keep_alive_without_an_answer_ends_the_session() {
    fn check<R: End>() {
        let mut life = Life::<R>::open(keep_alive(s(30), s(5)));
        life.at(s(30));
        life.take_sent();
        nothing_happens_early(&mut life);
        life.at(s(35));
        let [close] = &life.take_sent()[..] else { panic!("one Close") };
        assert_eq!(close.close_code(), Some(1011));
        assert_eq!(close.payload[2..], *b"keep-alive timeout");
        assert_eq!(last_error(&life), Some(SessionError::KeepAliveTimeout));
        // L12: an absent peer is not waited for.
        assert_eq!(
            life.log.last(),
            Some(&SessionEvent::Closed(lost_after(CloseCode::INTERNAL_ERROR)))
        );
        // The Close may still arrive; a late Pong does not reopen the connection.
        assert_eq!(life.session.advice(), Advice::Shutdown);
        assert_eq!(life.session.deadline(), Some(s(37)));
        life.read_frame(0x8A, &0_u32.to_be_bytes());
        life.read_frame(0x88, b"\x03\xE8");
        life.at(s(37));
        assert_eq!(life.session.advice(), Advice::Drop);
        assert!(life.out.is_empty());
        assert_eq!(life.ended(), lost_after(CloseCode::INTERNAL_ERROR));
    }
    check::<Server>();
    check::<Client>();
}

/// I10: once closing has begun, no Ping is sent and no Pong is awaited.
#[test]
fn a_keep_alive_ends_with_the_closing() {
    for asked in [false, true] {
        let mut life = Life::<Server>::open(keep_alive(s(30), s(30)));
        if asked {
            life.at(s(30));
        }
        life.close(None).expect("open");
        life.flush();
        life.out.clear();
        assert_eq!(life.session.deadline(), Some(life.now + s(10)));
        life.read_frame(0x8A, &0_u32.to_be_bytes());
        assert_eq!(life.session.round_trip(), None);
        life.at_deadline();
        assert!(life.out.is_empty());
        assert_eq!(last_error(&life), Some(SessionError::CloseTimeout));
    }
}

/// However late `handle_timeout` is called, and however extreme the times are, it performs one
/// action, and its next deadline is not in the past.
#[test]
fn extreme_times_do_no_harm() {
    for (interval, patience) in
        [(s(0), s(0)), (s(0), s(1)), (s(1), Duration::MAX), (Duration::MAX, Duration::MAX)]
    {
        let mut configured = keep_alive(interval, patience);
        configured.close_timeout = Some(Duration::MAX);
        let mut life = Life::<Client>::open(configured);
        for now in [s(0), s(1), s(1000), Duration::MAX - MOMENT, Duration::MAX] {
            let sent = life.take_sent().len();
            assert!(sent <= 1, "at most one frame each time");
            life.at(now);
        }
        life.end_of_input();
        life.take_sent();
        let end = CloseCode::ABNORMAL;
        let Some(SessionEvent::Closed(info)) = life.log.last() else { panic!("not over") };
        assert_eq!(info.code, end);
    }
    let mut life = Life::<Server>::begin(config(|c| c.handshake_timeout = Some(s(0))));
    life.at(s(0));
    assert_eq!(life.ended(), lost(Initiator::Local));
}

/// An ordinary HTTP response has a deadline, and is not an error.
#[test]
fn an_ordinary_response_has_a_deadline() {
    let mut life = Life::<Server>::begin(Config::default());
    life.read_deciding(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", |_, session, now, out| {
        session.respond(&Response::html("<p>hello"), now, out).unwrap();
    });
    assert_eq!(life.session.sender().map(drop), Err(SendError::Closed));
    assert_eq!(life.session.deadline(), Some(s(10)));
    life.out.clear();
    life.at(s(10));
    assert!(life.out.is_empty());
    assert_eq!(life.log[0], SessionEvent::Http);
    assert_eq!(life.log.len(), 2);
    life.ended();
}

/// A message also advances the time.
#[test]
fn a_close_through_the_sender_is_timed_from_the_last_message() {
    fn check<R: End>() {
        let mut life = Life::<R>::open(Config::default());
        life.read(b""); // so that nothing is left to report
        life.now = s(5);
        let mut frame = R::from_peer(0x81, b"five o'clock");
        let event = life.session.next_event(s(5), &mut &mut frame[..], &mut life.out);
        assert!(matches!(event, Some(SessionEvent::Received(_))));
        life.session.sender().and_then(|to| to.close(None, &mut life.out)).expect("open");
        assert_eq!(life.session.deadline(), Some(s(15)));
    }
    check::<Server>();
    check::<Client>();
}
