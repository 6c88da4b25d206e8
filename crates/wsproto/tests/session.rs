//! Sessions from start to end: the reports, their order, and the ends (RFC 6455 section 7.1;
//! promise I10).

mod support;

use core::time::Duration;

use wsproto::handshake::{RequestError, Response, ResponseError};
use wsproto::{
    Advice, Client, CloseCode, CloseFrame, CloseInfo, Config, Error, Event, Initiator, KeepAlive,
    Piece, ReadyState, SendError, Server, SessionError, SessionEvent,
};
use wsproto_testing::{End, Frame, Life, REQUEST, Side};

use support::{VIOLATION, config};

fn info(code: u16, reason: &str, was_clean: bool, initiator: Initiator) -> CloseInfo {
    CloseInfo { code: CloseCode::from(code), reason: reason.into(), was_clean, initiator }
}

/// Code 1006: no Close was exchanged.
fn lost(initiator: Initiator) -> CloseInfo {
    info(1006, "", false, initiator)
}

fn open<R: End>() -> Life<R> {
    Life::open(Config::default())
}

fn begin<R: End>() -> Life<R> {
    Life::begin(Config::default())
}

/// A step of an open session.
type Step<R> = fn(&mut Life<R>);

fn we_close<R: End>(life: &mut Life<R>) {
    let body = CloseFrame::new(CloseCode::from(4000), "ours").expect("a body");
    life.close(Some(&body)).expect("open");
}

fn peer_closes<R: End>(life: &mut Life<R>) {
    life.read_frame(0x88, b"\x03\xE9theirs");
}

fn peer_closes_without_a_code<R: End>(life: &mut Life<R>) {
    life.read_frame(0x88, b"");
}

fn peer_breaks_a_rule<R: End>(life: &mut Life<R>) {
    life.read(&VIOLATION);
}

fn half_a_frame<R: End>(life: &mut Life<R>) {
    let frame = R::from_peer(0x81, b"whole");
    life.read(&frame[..frame.len() - 1]);
}

/// R6455-7.1.4-1, R6455-7.1.5-1, R6455-7.1.6-1, R6455-7.2.1-1, A36: the steps before the transport
/// ended, and the report of the end. The code is never the one that we sent. T1: the end is clean
/// only if our Close was written; the code and the reason are reported regardless.
#[test]
fn the_end_of_the_transport_after_everything() {
    fn check<R: End>() {
        use Initiator::{Local, Remote};
        let ends: [(&[Step<R>], CloseInfo); 12] = [
            (&[], lost(Remote)),
            (&[half_a_frame], lost(Remote)),
            (&[we_close], lost(Local)),
            (&[we_close, half_a_frame], lost(Local)),
            (&[peer_closes], info(1001, "theirs", true, Remote)),
            (&[peer_closes, we_close], info(1001, "theirs", true, Remote)),
            (&[peer_closes_without_a_code], info(1005, "", true, Remote)),
            (&[we_close, peer_closes], info(1001, "theirs", true, Local)),
            (&[we_close, peer_closes_without_a_code], info(1005, "", true, Local)),
            (&[peer_breaks_a_rule], lost(Local)),
            (&[we_close, peer_breaks_a_rule], lost(Local)),
            (&[peer_breaks_a_rule, peer_closes], lost(Local)),
        ];
        for (number, (steps, expected)) in ends.into_iter().enumerate() {
            let mut life = open::<R>();
            for step in steps {
                step(&mut life);
            }
            assert!(!matches!(life.log.last(), Some(SessionEvent::Closed(_))), "too early");
            life.end_of_input();
            let unclean = CloseInfo { was_clean: false, ..expected.clone() };
            assert_eq!(life.ended(), unclean, "row {number} as {:?}", R::SIDE);

            for each in [false, true] {
                let mut life = open::<R>();
                for step in steps {
                    step(&mut life);
                    if each {
                        life.flush();
                    }
                }
                // L13: there is nothing to wait for, except while waiting for the peer's Close.
                let over = life.session.advice() != Advice::KeepOpen;
                life.flush();
                assert_eq!(matches!(life.log.last(), Some(SessionEvent::Closed(_))), over);
                life.end_of_input();
                assert_eq!(life.ended(), expected, "row {number} as {:?}, written", R::SIDE);
            }
        }
    }
    check::<Server>();
    check::<Client>();
}

/// I10, R6455-7.1.1-2: an abort writes nothing and ends the session in any stage; the end is clean
/// only if both Closes were exchanged and ours was written.
#[test]
fn an_abort_ends_every_stage() {
    fn check<R: End>() {
        let mut life = begin::<R>();
        life.abort();
        assert_eq!(life.log.len(), 1, "only Closed");
        assert_eq!(life.ended(), lost(Initiator::Local));

        let stages: [(&[Step<R>], CloseInfo); 5] = [
            (&[], lost(Initiator::Local)),
            (&[we_close], lost(Initiator::Local)),
            (&[peer_breaks_a_rule], lost(Initiator::Local)),
            (&[peer_closes], info(1001, "theirs", true, Initiator::Remote)),
            (&[we_close, peer_closes], info(1001, "theirs", true, Initiator::Local)),
        ];
        for (steps, expected) in stages {
            for written in [false, true] {
                let mut life = open::<R>();
                for step in steps {
                    step(&mut life);
                }
                if written {
                    life.flush();
                }
                life.abort();
                assert_eq!(life.session.advice(), Advice::Drop);
                let was_clean = expected.was_clean && written;
                assert_eq!(life.ended(), CloseInfo { was_clean, ..expected.clone() });
            }
        }
    }
    check::<Server>();
    check::<Client>();

    // A server that reads a request, waits for a decision, or has refused.
    let mut life = begin::<Server>();
    life.read(&REQUEST[..50]);
    life.abort();
    assert_eq!(life.ended(), lost(Initiator::Local));
    let mut life = begin::<Server>();
    life.read_deciding(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", |session, now, out| {
        session.respond(&Response::html("hello"), now, out).unwrap();
    });
    life.abort();
    assert_eq!(life.log.len(), 2);
    assert_eq!(life.ended().code, CloseCode::ABNORMAL);
}

/// Invariants 1 and 2: Open first, then everything in order, a fragmented message once and after
/// the Ping in its middle; bytes in the same segment as the handshake are not lost.
#[test]
fn events_come_in_order_from_the_first_segment_on() {
    fn check<R: End>() {
        let mut life = begin::<R>();
        let handshake = R::handshake(&life.out);
        let frames = [
            R::from_peer(0x82, b"1"),
            R::from_peer(0x01, b"two "),
            R::from_peer(0x89, b"3"),
            R::from_peer(0x80, b"parts"),
            R::from_peer(0x8A, b"4"),
            R::from_peer(0x88, b""),
            R::from_peer(0x81, b"late"),
        ];
        life.read(&[&handshake[..], &frames.concat()].concat());
        life.flush();
        life.end_of_input();
        let log: Vec<_> = life.log.iter().filter(|e| **e != SessionEvent::Upgrade).collect();
        let [open, binary, ping, text, pong, close, closed] = log[..] else {
            panic!("seven events, not {log:?}")
        };
        assert_eq!(*open, SessionEvent::Open);
        assert_eq!(*binary, SessionEvent::Received(Event::Binary(b"1"[..].into())));
        assert_eq!(*ping, SessionEvent::Received(Event::Ping(b"3"[..].into())));
        assert_eq!(*text, SessionEvent::Received(Event::Text("two parts".into())));
        assert_eq!(*pong, SessionEvent::Received(Event::Pong(b"4"[..].into())));
        assert_eq!(*close, SessionEvent::Received(Event::Close(None)));
        assert_eq!(*closed, SessionEvent::Closed(info(1005, "", true, Initiator::Remote)));
    }
    check::<Server>();
    check::<Client>();
}

/// R6455-4.2.2-16: data that a server sends right after accepting follows its response.
#[test]
fn a_server_sends_right_after_its_response() {
    let mut life = begin::<Server>();
    life.read_deciding(REQUEST, |session, now, out| {
        <Server as End>::accept(session, now, out);
        assert_eq!(session.ready_state(), ReadyState::Open);
        session.sender().expect("open").send_text("welcome", out).expect("open");
    });
    let out = &life.out[..];
    assert!(out.starts_with(b"HTTP/1.1 101 ") && out.ends_with(b"\r\n\r\n\x81\x07welcome"));
    assert_eq!(life.log, [SessionEvent::Upgrade, SessionEvent::Open]);
}

/// R6455-4.1-24, R6455-6.1-1, R6455-5.1-5: messages are sent in the state Open and in no other.
#[test]
fn messages_are_sent_only_while_open() {
    fn try_to_send<R: End>(life: &mut Life<R>) -> Result<(), SendError> {
        life.session.sender().and_then(|sender| sender.send_text("x", &mut life.out))
    }
    fn check<R: End>() {
        let mut life = begin::<R>();
        let before = life.out.clone();
        assert_eq!(life.session.ready_state(), ReadyState::Connecting);
        assert_eq!(try_to_send(&mut life), Err(SendError::NotOpen));
        assert_eq!(life.out, before);

        for end in [we_close::<R>, peer_closes, peer_breaks_a_rule] {
            let mut life = open::<R>();
            assert_eq!(life.session.ready_state(), ReadyState::Open);
            assert_eq!(try_to_send(&mut life), Ok(()));
            end(&mut life);
            let before = life.out.clone();
            assert_eq!(life.session.ready_state(), ReadyState::Closing);
            assert_eq!(try_to_send(&mut life), Err(SendError::Closed));
            life.end_of_input();
            assert_eq!(life.session.ready_state(), ReadyState::Closed);
            assert_eq!(try_to_send(&mut life), Err(SendError::Closed));
            assert_eq!(life.out, before);
        }
    }
    check::<Server>();
    check::<Client>();
}

/// Invariant 3: a violation is reported once, followed only by the end; its Close was written.
#[test]
fn a_violation_is_the_only_error() {
    fn check<R: End>() {
        let mut life = open::<R>();
        life.read(&[&R::from_peer(0x81, b"fine")[..], &VIOLATION].concat());
        life.read_frame(0x81, b"ignored");
        peer_breaks_a_rule(&mut life);
        life.end_of_input();
        assert_eq!(life.log[2], SessionEvent::Error(Error::ReservedOpcode.into()));
        assert_eq!(life.log.len(), 4);
        assert_eq!(Frame::read_all(&life.out)[0].close_code(), Some(1002));
        life.ended();
    }
    check::<Server>();
    check::<Client>();
}

/// R6455-8.1-1: a session fails as its connection does, in whatever part the invalid bytes are.
#[test]
fn a_wrong_text_ends_a_session_however_it_is_cut() {
    fn check<R: End>() {
        let good = R::from_peer(0x81, b"good");
        let wire = [&good[..], &R::from_peer(0x81, b"\xC3("), &good].concat();
        for len in 1..=wire.len() {
            let mut life = open::<R>();
            wire.chunks(len).for_each(|part| life.read(part));
            let error = SessionEvent::Error(Error::InvalidUtf8.into());
            let good = SessionEvent::Received(Event::Text("good".into()));
            assert_eq!(life.log, [SessionEvent::Open, good, error], "parts of {len}");
            let sent = life.take_sent();
            assert_eq!(sent.iter().map(Frame::close_code).collect::<Vec<_>>(), [Some(1007)]);
            assert!(life.session.deadline().is_some(), "the peer may not read the Close");
            life.end_of_input();
            assert_eq!(life.ended().initiator, Initiator::Local);
        }
    }
    check::<Server>();
    check::<Client>();
}

/// The advice on the transport, from the first byte to the last.
#[test]
fn advice_for_the_transport_at_each_stage() {
    fn check<R: End>(exchanged: Advice) {
        let mut life = begin::<R>();
        assert_eq!(life.session.advice(), Advice::KeepOpen);
        life.abort();
        assert_eq!(life.session.advice(), Advice::Drop);

        let stages: [(&[Step<R>], Advice); 5] = [
            (&[], Advice::KeepOpen),
            (&[we_close], Advice::KeepOpen),
            (&[peer_closes], exchanged),
            (&[we_close, peer_closes], exchanged),
            (&[peer_breaks_a_rule], Advice::Shutdown),
        ];
        for (steps, advice) in stages {
            let mut life = open::<R>();
            for step in steps {
                step(&mut life);
            }
            assert_eq!(life.session.advice(), advice);
            // fault-E2: a peer that has closed its writing side may still read.
            life.end_of_input();
            assert_eq!(life.session.advice(), Advice::Flush);
            life.flush();
            assert_eq!(life.session.advice(), Advice::Drop);
        }
    }
    check::<Server>(Advice::Shutdown);
    check::<Client>(Advice::AwaitEnd);

    let mut life = begin::<Server>();
    life.read(b"POST / HTTP/1.1\r\n\r\n");
    assert_eq!(life.session.advice(), Advice::Shutdown, "the answer has to arrive");
    life.flush();
    assert_eq!(life.session.advice(), Advice::Shutdown, "the answer has to arrive");
    life.end_of_input();
    assert_eq!(life.session.advice(), Advice::Drop);
}

/// R6455-7.2.1-1, R6455-10.7-2: a handshake that fails is an error and an end, never an Open.
#[test]
fn a_failed_handshake_ends_without_an_open() {
    // A server responds, and waits for the response to arrive.
    let mut life = begin::<Server>();
    life.read(b"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\nmore");
    let error = SessionEvent::Error(SessionError::Request(RequestError::Method));
    assert_eq!(life.log, [SessionEvent::Http, error]);
    assert!(life.out.starts_with(b"HTTP/1.1 405 "));
    life.end_of_input();
    assert_eq!(life.ended().code, CloseCode::ABNORMAL);

    // A request left undecided is not an error of the peer.
    let mut life = begin::<Server>();
    life.read_deciding(REQUEST, |_, _, _| {});
    assert_eq!(life.log, [SessionEvent::Upgrade]);
    assert!(life.out.starts_with(b"HTTP/1.1 403 "));
    life.end_of_input();
    assert!(!life.ended().was_clean);

    // A client has no response to send, and ends at once.
    let mut life = begin::<Client>();
    life.out.clear();
    life.read(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00");
    let error = SessionError::Response(ResponseError::Connection);
    assert_eq!(life.log[0], SessionEvent::Error(error));
    assert!(life.out.is_empty());
    let end = life.ended();
    assert_eq!((end.code, end.was_clean), (CloseCode::ABNORMAL, false));
}

/// I10: the transport ends before the session opens, with and without bytes before.
#[test]
fn the_end_of_the_transport_in_the_handshake() {
    let error = SessionEvent::Error(SessionError::EndOfInput);
    let mut life = begin::<Server>();
    life.end_of_input();
    assert_eq!(life.log.len(), 1, "a silent connection is not an error");
    assert_eq!(life.ended(), lost(Initiator::Remote));

    let mut life = begin::<Server>();
    life.read(&REQUEST[..20]);
    life.end_of_input();
    assert_eq!(life.log[0], error);
    assert!(life.out.is_empty(), "there is no request to answer");
    assert_eq!(life.ended(), lost(Initiator::Remote));

    for part in ["", "HTTP/1.1 101 Swi"] {
        let mut life = begin::<Client>();
        life.read(part.as_bytes());
        life.end_of_input();
        assert_eq!(life.log[0], error);
        assert_eq!(life.ended(), lost(Initiator::Remote));
    }
}

/// S2-11: closing before the session is open gives it up: a server responds with 503, a client only
/// ends.
#[test]
fn closing_before_the_session_is_open() {
    let error = SessionEvent::Error(SessionError::Abandoned);
    let mut life = begin::<Server>();
    life.close(None).expect("always allowed");
    assert_eq!(life.log.len(), 1, "there was no request");
    assert!(life.out.is_empty());
    assert_eq!(life.ended(), lost(Initiator::Local));

    let mut life = begin::<Server>();
    life.read(&REQUEST[..20]);
    life.close(None).expect("always allowed");
    assert_eq!(life.log.len(), 1);
    assert_eq!(life.log[0], error);
    assert!(life.out.starts_with(b"HTTP/1.1 503 "));
    assert_eq!(life.session.advice(), Advice::Shutdown);
    life.end_of_input();
    assert_eq!(life.ended(), lost(Initiator::Local));

    let mut life = begin::<Client>();
    life.out.clear();
    life.close(None).expect("always allowed");
    assert_eq!(life.log[0], error);
    assert!(life.out.is_empty());
    assert_eq!(life.ended(), lost(Initiator::Local));
}

/// R6455-7.4.1-4: as on a connection, and the session continues.
#[test]
fn a_refused_close_changes_nothing() {
    let body = CloseFrame::new(CloseCode::MANDATORY_EXTENSION, "").expect("a body");
    let mut life = open::<Server>();
    assert_eq!(life.close(Some(&body)), Err(SendError::ClientOnlyCode));
    assert_eq!(life.session.ready_state(), ReadyState::Open);
    assert_eq!(life.session.deadline(), None);
    assert!(life.out.is_empty());
    life.end_of_input();
    assert_eq!(life.ended(), lost(Initiator::Remote));
}

/// R6455-7.1.2-1: a Close sent through the sending half counts as ours, like any other.
#[test]
fn a_close_through_the_sender_is_ours() {
    fn check<R: End>() {
        let mut life = open::<R>();
        let sender = life.session.sender().expect("open");
        sender.close(None, &mut life.out).expect("open");
        peer_closes(&mut life);
        life.flush();
        life.end_of_input();
        assert_eq!(life.ended(), info(1001, "theirs", true, Initiator::Local));

        let mut life = open::<R>();
        let sender = life.session.sender().expect("open");
        sender.close(None, &mut life.out).expect("open");
        life.end_of_input();
        assert_eq!(life.ended(), lost(Initiator::Local));
    }
    check::<Server>();
    check::<Client>();
}

/// I10: a pending report is not lost if the transport ends before it is taken.
#[test]
fn an_error_is_not_lost_when_the_end_comes_first() {
    let mut life = begin::<Server>();
    life.read(&REQUEST[..20]);
    life.session.close(None, life.now, &mut life.out).expect("always allowed");
    life.session.end_of_input(&mut life.out);
    life.read(&[]);
    assert_eq!(life.log[0], SessionEvent::Error(SessionError::Abandoned));
    assert_eq!(life.ended(), lost(Initiator::Local));

    let (interval, patience) = (Duration::from_secs(30), Duration::from_secs(5));
    let keep_alive = Some(KeepAlive { interval, patience });
    let mut life = Life::<Server>::open(config(|config| config.keep_alive = keep_alive));
    life.session.handle_timeout(interval, &mut life.out);
    life.session.handle_timeout(interval + patience, &mut life.out);
    life.session.end_of_input(&mut life.out);
    life.read(&[]);
    assert_eq!(life.log[1], SessionEvent::Error(SessionError::KeepAliveTimeout));
    assert_eq!(life.ended(), lost(Initiator::Local));
}

/// Invariant 1: a session that opened is reported as open, even if it ends before the event is
/// taken.
#[test]
fn open_is_not_lost_when_the_end_comes_first() {
    let mut life = begin::<Server>();
    life.read_deciding(REQUEST, |session, now, out| {
        <Server as End>::accept(session, now, out);
        session.end_of_input(out);
    });
    assert_eq!(life.log[..2], [SessionEvent::Upgrade, SessionEvent::Open]);
    assert_eq!(life.ended(), lost(Initiator::Remote));
}

/// R6455-5.5.2-1, R6455-5.1-1, R6455-5.1-3: as a connection does; only a client masks.
#[test]
fn a_session_answers_pings_in_its_role() {
    fn check<R: End>() {
        let mut life = open::<R>();
        life.read_frame(0x89, b"ping");
        let [pong] = &life.take_sent()[..] else { panic!("one Pong") };
        assert_eq!((pong.first, &pong.payload[..]), (0x8A, &b"ping"[..]));
        assert_eq!(pong.key.is_some(), R::SIDE == Side::Client);
    }
    check::<Server>();
    check::<Client>();
}

/// A session whose messages are taken in pieces replies, measures and ends like any other.
#[test]
fn a_session_in_pieces() {
    fn check<R: End>() {
        let second = Duration::from_secs(1);
        let keep_alive = Some(KeepAlive { interval: 9 * second, patience: second });
        let configured = config(|config| config.keep_alive = keep_alive);
        let mut life = Life::<R>::open(configured.clone());
        assert_eq!(**life.session.config(), configured);
        life.at(9 * second);
        let [ping] = &life.take_sent()[..] else { panic!("one Ping") };
        assert_eq!(ping.first, 0x89);

        let now = 9 * second + second / 2;
        let mut wire = [
            R::from_peer(0x8A, &ping.payload),
            R::from_peer(0x01, b"text "),
            R::from_peer(0x89, b"?"),
            R::from_peer(0x80, b"in two"),
            R::from_peer(0x82, b"whole"),
            R::from_peer(0x88, b"\x03\xE9bye"),
        ]
        .concat();
        let mut input = &mut wire[..];
        let mut pieces = Vec::new();
        while let Some(event) = life.session.next_piece(now, &mut input, &mut life.out) {
            let SessionEvent::Received(piece) = event else { panic!("{event:?}") };
            pieces.push(piece);
        }
        let [Piece::Pong(_), pieces @ .., Piece::Close(Some(close))] = &pieces[..] else {
            panic!("{pieces:?}")
        };
        let expected = [
            Piece::Text { text: "text ".into(), fin: false },
            Piece::Ping(b"?"[..].into()),
            Piece::Text { text: "in two".into(), fin: true },
            Piece::Binary { bytes: b"whole"[..].into(), fin: true },
        ];
        assert_eq!(pieces, expected);
        assert_eq!(close.code(), CloseCode::GOING_AWAY);
        assert_eq!(life.session.round_trip(), Some(second / 2));
        assert_eq!(life.take_sent().iter().map(|f| f.first).collect::<Vec<_>>(), [0x8A, 0x88]);

        life.flush();
        life.end_of_input();
        assert_eq!(life.ended(), info(1001, "bye", true, Initiator::Remote));
    }
    check::<Server>();
    check::<Client>();
}
