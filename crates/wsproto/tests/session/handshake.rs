//! The handshake of a session: the first events, failures, and ends before it is open.

use wsproto::handshake::{RequestError, ResponseError};
use wsproto::{
    Advice, Client, CloseCode, Initiator, ReadyState, Server, SessionError, SessionEvent,
};
use wsproto_testing::{End, REQUEST};

use crate::steps::{begin, lost};

/// R6455-4.2.2-16: data that a server sends right after accepting follows its response.
#[test]
fn a_server_sends_right_after_its_response() {
    let mut life = begin::<Server>();
    life.read_deciding(REQUEST, |answer, session, now, out| {
        Server::answer(answer, session, now, out);
        assert_eq!(session.ready_state(), ReadyState::Open);
        session.sender().expect("open").send_text("welcome", out).expect("open");
    });
    let out = &life.out[..];
    assert!(out.starts_with(b"HTTP/1.1 101 ") && out.ends_with(b"\r\n\r\n\x81\x07welcome"));
    assert_eq!(life.log, [SessionEvent::Upgrade, SessionEvent::Open]);
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
    life.read_deciding(REQUEST, |_, _, _, _| {});
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

/// Invariant 1: a session that opened is reported as open, even if it ends before the event is
/// taken.
#[test]
fn open_is_not_lost_when_the_end_comes_first() {
    let mut life = begin::<Server>();
    life.read_deciding(REQUEST, |answer, session, now, out| {
        Server::answer(answer, session, now, out);
        session.end_of_input(out);
    });
    assert_eq!(life.log[..2], [SessionEvent::Upgrade, SessionEvent::Open]);
    assert_eq!(life.ended(), lost(Initiator::Remote));
}
