//! Handshakes without a whole response: the end of the transport, the deadline, and giving up.

use std::time::Duration;

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{Response, ResponseError};
use wsproto::{Client, Config, ReadyState, SendError, Session, SessionError, SessionEvent};

use crate::handshake_support::*;
use crate::support::{good, plain};

/// R6455-7.2.1-1, as far as the handshake is concerned: the transport ends too early.
#[test]
fn a_transport_that_ends_in_the_head_is_reported() {
    let head = good().bytes();
    for input in [&b""[..], &head[..1], &head[..head.len() - 1]] {
        let run = connect(&Config::default(), &plain(), &[input]);
        let ended = SessionEvent::Error(SessionError::EndOfInput);
        assert_eq!(run.events, [ended, abnormal_end(Initiator::Remote)]);
        assert_eq!(run.response, None);
    }
}

#[test]
fn a_response_must_come_in_time() {
    let refusal = Head::new("HTTP/1.1 404 Not Found", &[]).then(b"hel");
    for (input, error, body) in [
        (&b"HTTP/1.1 10"[..], SessionError::HandshakeTimeout, None),
        (&refusal, SessionError::Response(ResponseError::Status(404)), Some(&b"hel"[..])),
    ] {
        let mut out = Vec::new();
        let mut session = Session::client(plain(), Config::default(), SEED, NOW, &mut out);
        let written = out.len();
        assert_eq!(session.next_event(NOW, &mut &mut input.to_vec()[..], &mut out), None);
        let deadline = Duration::from_secs(10);
        assert_eq!(session.deadline(), Some(deadline));
        session.handle_timeout(deadline - Duration::from_nanos(1), &mut out);
        assert_eq!(session.ready_state(), ReadyState::Connecting);
        session.handle_timeout(deadline, &mut out);
        assert_eq!(session.advice(), Advice::Drop);
        let mut events = Vec::new();
        while let Some(event) = session.next_event(deadline, &mut &mut [][..], &mut out) {
            events.push(event);
        }
        assert_eq!(events, [SessionEvent::Error(error), abnormal_end(Initiator::Local)]);
        assert_eq!(out.len(), written);
        let response = session.take_response();
        assert_eq!(response.as_ref().map(Response::body_bytes), body);
    }
}

/// Closing before the response drops the transport.
#[test]
fn a_handshake_can_be_given_up() {
    let mut out = Vec::new();
    let mut session: Session<Client> =
        Session::client(plain(), Config::default(), SEED, NOW, &mut out);
    let written = out.len();
    session.close(None, NOW, &mut out).unwrap();
    assert_eq!(out.len(), written);
    assert_eq!(session.advice(), Advice::Drop);
    assert_eq!(session.sender().err(), Some(SendError::Closed));
    let mut events = Vec::new();
    while let Some(event) = session.next_event(NOW, &mut &mut good().bytes()[..], &mut out) {
        events.push(match event {
            SessionEvent::Error(error) => Some(error),
            SessionEvent::Closed(info) => {
                assert_eq!(info.initiator, Initiator::Local);
                None
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(events, [Some(SessionError::Abandoned), None]);
}

/// The answer of the server is kept when the handshake fails: as a response if it is one, otherwise as bytes.
#[test]
fn an_answer_is_kept_that_is_no_response() {
    let wrong = Head::new("HTTP/1.1 101 Switching Protocols", &[("Server", "other")]).bytes();
    let long = [b"HTTP/1.1 200 ".as_slice(), &[b'x'; 20_000]].concat();
    for (input, response, bytes) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], None, Some(&b"SSH-2.0-OpenSSH_9.2\r\n"[..])),
        (
            b"HTTP/1.1 101 Switching\nServer: other\n\n",
            None,
            Some(b"HTTP/1.1 101 Switching\nServer: other\n\n"),
        ),
        (b"HTTP/1.1 nothing\r\n\r\n", None, Some(b"HTTP/1.1 nothing\r\n\r\n")),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 nothing\r\n\r\n",
            None,
            Some(b"HTTP/1.1 nothing\r\n\r\n"),
        ),
        (b"HTTP/1.1 101 Swi", None, Some(b"HTTP/1.1 101 Swi")),
        (b"", None, None),
        (&wrong, Some(101), None),
        (&long, None, Some(&long[..4096])),
    ] {
        for cut in [0, 1, 12, input.len()] {
            let mut out = Vec::new();
            let mut session = Session::client(plain(), Config::default(), SEED, NOW, &mut out);
            let (front, back) = input.split_at(cut.min(input.len()));
            let mut errors = 0;
            for part in [front, back] {
                let mut part = part.to_vec();
                let mut rest = &mut part[..];
                while let Some(event) = session.next_event(NOW, &mut rest, &mut out) {
                    errors += u32::from(matches!(event, SessionEvent::Error(_)));
                }
            }
            session.end_of_input(&mut out);
            while let Some(event) = session.next_event(NOW, &mut &mut [][..], &mut out) {
                errors += u32::from(matches!(event, SessionEvent::Error(_)));
            }
            let shown = input.escape_ascii().to_string();
            assert_eq!(errors, 1, "{shown}");
            assert_eq!(session.take_response().map(|response| response.status()), response);
            let unread = session.take_unparsed_response();
            let expected = bytes.map(|bytes| {
                // A head that fails at an early cut is reported before the rest arrives.
                unread.as_ref().map_or(bytes, |unread| &bytes[..unread.len().min(bytes.len())])
            });
            assert_eq!(unread.as_deref(), expected, "{shown} {cut}");
            if cut == 0 {
                assert_eq!(unread.as_deref(), bytes, "{shown}");
            }
            assert_eq!(session.take_unparsed_response(), None);
        }
    }
}
