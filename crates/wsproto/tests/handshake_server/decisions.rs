//! Decisions of the application: it accepts or refuses once, with valid header fields.

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{Accept, AcceptError, InvalidHeader, Request, RequestError, Response};
use wsproto::{Config, ReadyState, SendError, Session, SessionEvent};

use crate::handshake_support::*;
use crate::support::asking;

/// R6455-4.2.2-4: an undecided request is refused.
#[test]
fn a_handshake_without_a_decision_gets_403() {
    let input = Head::request().then(HELLO_MASKED);
    let run = at_every_cut(&input, |pieces| serve(&Config::default(), pieces, undecided));
    assert_eq!(run.events, [SessionEvent::Upgrade, abnormal_end(Initiator::Local)]);
    run.answer().assert_refusal(403);
    assert_eq!(run.transport, Advice::Shutdown);
}

/// R6455-4.2.2-2, R6455-4.2.2-3, R6455-4.2.2-4, R6455-4.2.2-6, R6455-10.2-1: a handshake is refused
/// by an ordinary response, and the bytes after it are ignored.
#[test]
fn the_application_may_refuse_a_handshake() {
    let answers = [
        Response::text(401, "Who?\n").header("WWW-Authenticate", "Basic realm=\"chat\"").unwrap(),
        Response::new(302).header("Location", "https://example.com/login").unwrap(),
        Response::text(403, "Not from there.\n"),
        Response::text(404, "Not here.\n"),
        Response::new(503).header("Retry-After", "5").unwrap(),
        Response::new(429),
        Response::new(418),
    ];
    for response in answers {
        let input = Head::request().then(HELLO_MASKED);
        let run = at_every_cut(&input, |pieces| {
            serve(&Config::default(), pieces, |session, out| {
                session.respond(&response, NOW, out).unwrap();
                assert_eq!(session.ready_state(), ReadyState::Closed);
                assert_eq!(session.sender().err(), Some(SendError::Closed));
                // A second decision is refused.
                let late = session.respond(&Response::new(200), NOW, out);
                assert_eq!(late, Err(AcceptError::NoRequest));
                let late = session.accept(&Accept::new(), NOW, out);
                assert_eq!(late, Err(AcceptError::NoRequest));
            })
        });
        assert_eq!(run.events, [SessionEvent::Upgrade, abnormal_end(Initiator::Local)]);
        assert_eq!(run.transport, Advice::Shutdown);
        let answer = run.answer();
        answer.assert_refusal(response.status());
        assert_eq!(answer.body, response.body_bytes());
        for (name, value) in response.headers().iter() {
            assert_eq!(answer.only(name).as_bytes(), value);
        }
    }
}

/// A response needs a final status: for 101 there is `accept`.
#[test]
fn a_status_that_is_not_final_is_refused_and_the_request_still_waits() {
    let mut session = asking(&Head::request().bytes(), &SessionEvent::Upgrade);
    let mut out = Vec::new();
    for status in [0, 7, 100, 101, 199, 600, 65535] {
        let response = Response::new(status);
        let error = session.respond(&response, NOW, &mut out);
        assert_eq!(error, Err(AcceptError::Status(status)));
    }
    assert_eq!(out, b"");
    session.respond(&Response::new(599), NOW, &mut out).unwrap();
    assert!(out.starts_with(b"HTTP/1.1 599 "));
}

#[test]
fn a_handshake_is_accepted_only_once() {
    let mut session = Session::server(Config::default(), NOW);
    let mut out = Vec::new();
    assert_eq!(session.accept(&Accept::new(), NOW, &mut out), Err(AcceptError::NoRequest));
    assert_eq!(session.request(), None);
    let early = session.respond(&Response::new(200), NOW, &mut out);
    assert_eq!(early, Err(AcceptError::NoRequest));
    assert_eq!(out, b"", "there is no request yet");

    let mut session = asking(&Head::request().bytes(), &SessionEvent::Upgrade);
    session.accept(&Accept::new(), NOW, &mut out).unwrap();
    let written = out.len();
    assert_eq!(session.accept(&Accept::new(), NOW, &mut out), Err(AcceptError::NoRequest));
    let late = session.respond(&Response::new(200), NOW, &mut out);
    assert_eq!(late, Err(AcceptError::NoRequest));
    assert_eq!(out.len(), written);
    assert_eq!(session.ready_state(), ReadyState::Open);
}

/// A52: header fields added by the application cannot break out of the response, or contradict it.
#[test]
fn headers_of_the_application_are_checked() {
    for name in [
        "Connection",
        "UPGRADE",
        "sec-websocket-accept",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Version",
        "Content-Length",
        "Transfer-Encoding",
    ] {
        let error = AcceptError::ReservedHeader(name.to_owned());
        assert_eq!(Accept::new().header(name, "x").unwrap_err(), error);
    }
    for (name, shown) in BAD_NAMES {
        let error = InvalidHeader::Name(shown.to_owned());
        assert_eq!(Response::new(404).header(name, "x").unwrap_err(), error);
        assert_eq!(Accept::new().header(name, "x").unwrap_err(), AcceptError::InvalidHeader(error));
    }
    for value in BAD_VALUES {
        let error = InvalidHeader::Value("X".to_owned());
        assert_eq!(Response::new(404).header("X", value).unwrap_err(), error);
        assert_eq!(
            Accept::new().header("X", value).unwrap_err(),
            AcceptError::InvalidHeader(error)
        );
    }
    let accept = Accept::new()
        .header("Set-Cookie", "a=1")
        .and_then(|accept| accept.header("set-cookie", " b=2\t"))
        .unwrap();
    let mut out = Vec::new();
    accept.encode(&Head::request().parse(), &mut out).unwrap();
    assert_eq!(Answer::parse(&out).all("Set-Cookie"), ["a=1", "b=2"]);
}

/// Invalid names, and the part of each that an error shows.
const BAD_NAMES: [(&str, &str); 8] = [
    ("", ""),
    ("a b", "a "),
    ("a: secret", "a:"),
    ("a\r\nb", "a\r"),
    ("a\0", "a\0"),
    ("é", "é"),
    ("(a)", "("),
    ("a\t", "a\t"),
];
const BAD_VALUES: [&str; 5] = ["a\r\nX: b", "a\r", "\nb", "a\0b", "\x7F"];

/// An application function may return a response as its error.
#[test]
fn an_error_in_building_a_response_is_a_response() {
    fn answer(request: &Request) -> Result<Accept, Response> {
        request.check_upgrade()?;
        Ok(Accept::new().header("X", "a\nb")?)
    }
    fn page() -> Result<Response, Response> {
        Ok(Response::text(200, "fine").header("X\n", "a")?)
    }
    assert_eq!(answer(&Head::request().parse()).unwrap_err().status(), 500);
    assert_eq!(answer(&Head::new("GET / HTTP/1.0", &[]).parse()).unwrap_err().status(), 426);
    assert_eq!(page().unwrap_err().status(), 500);
    let late = AcceptError::Request(RequestError::UnsupportedVersion);
    assert_eq!(Response::from(late).status(), 426);
}
