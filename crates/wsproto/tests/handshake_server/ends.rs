//! Handshakes that end: the end of the transport, deadlines, and giving up.

use std::time::Duration;

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{Accept, AcceptError, RequestError};
use wsproto::{Config, ReadyState, Server, Session, SessionError, SessionEvent};

use crate::handshake_support::*;
use crate::support::{asking, refused};

/// Promise I10: `Open` is the first event of every session that opened, however briefly.
#[test]
fn the_open_event_comes_first_even_if_the_transport_has_ended() {
    let mut session = asking(&Head::request().bytes(), &SessionEvent::Upgrade);
    let mut out = Vec::new();
    accept(&mut session, &mut out);
    session.end_of_input(&mut out);
    let mut events = Vec::new();
    while let Some(event) = session.next_event(NOW, &mut &mut [][..], &mut out) {
        events.push(event);
    }
    assert_eq!(events, [SessionEvent::Open, abnormal_end(Initiator::Remote)]);
}

/// Promise I10: an error not taken before the transport ended is not lost either.
#[test]
fn an_error_is_reported_even_if_the_transport_has_ended() {
    type Fail = fn(&mut Session<Server>, &mut Vec<u8>);
    let fail: [(SessionError, Fail); 2] = [
        (SessionError::HandshakeTimeout, |session, out| {
            session.handle_timeout(Duration::from_secs(10), out);
        }),
        (SessionError::Abandoned, |session, out| session.close(None, NOW, out).unwrap()),
    ];
    for (error, fail) in fail {
        let mut session = asking(&Head::request().bytes(), &SessionEvent::Upgrade);
        let mut out = Vec::new();
        fail(&mut session, &mut out);
        session.end_of_input(&mut out);
        let mut events = Vec::new();
        while let Some(event) = session.next_event(NOW, &mut &mut [][..], &mut out) {
            events.push(event);
        }
        assert_eq!(events, [SessionEvent::Error(error), abnormal_end(Initiator::Local)]);
    }
}

/// A peer that leaves without a request causes no error, however it leaves.
// T5
#[test]
fn a_peer_without_a_request_causes_no_error() {
    type End = fn(&mut Session<Server>, &mut Vec<u8>);
    let ends: [End; 4] = [
        |session, out| session.end_of_input(out),
        |session, out| session.handle_timeout(Duration::from_secs(10), out),
        |session, out| session.close(None, NOW, out).unwrap(),
        |session, _| session.abort(),
    ];
    for begun in [&b""[..], b"\r", b"\r\n"] {
        for end in ends {
            let mut session = Session::server(Config::default(), NOW);
            let mut out = Vec::new();
            assert_eq!(session.next_event(NOW, &mut &mut begun.to_vec()[..], &mut out), None);
            end(&mut session, &mut out);
            let event = session.next_event(NOW, &mut &mut [][..], &mut out);
            assert!(matches!(event, Some(SessionEvent::Closed(_))), "{event:?}");
            assert_eq!((out.len(), session.advice()), (0, Advice::Drop));
        }
    }
}

/// R6455-4.2.1-13: a slow client gets a 408, one that sent nothing gets nothing.
#[test]
fn a_head_must_be_complete_in_time() {
    let later = Duration::from_secs(10);
    for (sent, events, answered) in [
        (&b""[..], vec![abnormal_end(Initiator::Local)], false),
        (
            b"GET / HTTP/1.1\r\nX: y",
            vec![
                SessionEvent::Error(SessionError::HandshakeTimeout),
                abnormal_end(Initiator::Local),
            ],
            true,
        ),
    ] {
        let mut session = Session::server(Config::default(), NOW);
        let mut out = Vec::new();
        assert_eq!(session.next_event(NOW, &mut &mut sent.to_vec()[..], &mut out), None);
        assert_eq!(session.deadline(), Some(later));
        session.handle_timeout(later - Duration::from_nanos(1), &mut out);
        assert_eq!(session.ready_state(), ReadyState::Connecting);
        session.handle_timeout(later, &mut out);
        assert_eq!(session.ready_state(), ReadyState::Closed);
        assert_eq!(out.is_empty(), !answered);
        let mut reported = Vec::new();
        while let Some(event) = session.next_event(later, &mut &mut [][..], &mut out) {
            reported.push(event);
        }
        session.end_of_input(&mut out);
        while let Some(event) = session.next_event(later, &mut &mut [][..], &mut out) {
            reported.push(event);
        }
        assert_eq!(reported, events);
        if answered {
            Answer::parse(&out).assert_refusal(408);
        }
    }
}

/// A refusal that the client does not read does not hold the transport forever.
#[test]
fn the_end_after_a_refusal_has_a_deadline() {
    let mut session = Session::server(Config::default(), NOW);
    let mut out = Vec::new();
    let error = RequestError::NotHttp;
    assert_eq!(session.next_event(NOW, &mut &mut [0][..], &mut out), Some(refused(error)));
    assert_eq!(session.advice(), Advice::Shutdown);
    let deadline = session.deadline().unwrap();
    session.handle_timeout(deadline, &mut out);
    assert_eq!(session.advice(), Advice::Drop);
    let closed = abnormal_end(Initiator::Local);
    assert_eq!(session.next_event(deadline, &mut &mut [][..], &mut out), Some(closed));
    assert_eq!(session.next_event(deadline, &mut &mut [][..], &mut out), None);
}

#[test]
fn a_transport_that_ends_in_the_head_is_reported() {
    let ended = SessionEvent::Error(SessionError::EndOfInput);
    let begun = serve(&Config::default(), &[b"GET / HT"], accept);
    assert_eq!(begun.events, [ended.clone(), abnormal_end(Initiator::Remote)]);
    assert_eq!(begun.out, b"");

    let untouched = serve(&Config::default(), &[], accept);
    assert_eq!(untouched.events, [abnormal_end(Initiator::Remote)]);
    assert_eq!(untouched.out, b"");

    let mut session = asking(&Head::request().bytes(), &SessionEvent::Upgrade);
    session.end_of_input(&mut Vec::new());
    let event = session.next_event(NOW, &mut &mut [][..], &mut Vec::new());
    assert_eq!(event, Some(ended));
}

/// Closing a session that is not open yet, as a server does at shutdown.
#[test]
fn a_handshake_can_be_given_up() {
    let mut session = asking(&Head::request().bytes(), &SessionEvent::Upgrade);
    let mut out = Vec::new();
    session.close(None, NOW, &mut out).unwrap();
    Answer::parse(&out).assert_refusal(503);
    let event = session.next_event(NOW, &mut &mut [][..], &mut out);
    assert_eq!(event, Some(SessionEvent::Error(SessionError::Abandoned)));
    assert_eq!(session.advice(), Advice::Shutdown);
    let written = out.len();
    assert_eq!(session.accept(&Accept::new(), NOW, &mut out), Err(AcceptError::NoRequest));
    assert_eq!(out.len(), written);
}
