//! The server's opening handshake: the request it reads, and its response (RFC 6455 sections 4.2 to
//! 4.4).

mod handshake_support;

use std::time::Duration;

use handshake_support::*;
use proptest::prelude::*;
use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{
    Accept, AcceptError, Extension, HeadError, HeadFinder, Headers, InvalidHeader, Request,
    RequestError, Response, accept_key, http_date,
};
use wsproto::{
    Client, Config, Connection, Event, Extensions, ReadyState, SendError, Server, Session,
    SessionError, SessionEvent,
};

fn refused(error: RequestError) -> SessionEvent<Event<'static>> {
    SessionEvent::Error(SessionError::Request(error))
}

/// Feeds a request that must be refused, at every cut, and checks the response.
#[track_caller]
fn assert_refused(config: &Config, input: &[u8], error: RequestError, status: u16) {
    let run = at_every_cut(input, |pieces| serve(config, pieces, accept));
    let shown = input.escape_ascii().to_string();
    assert_eq!(run.events, [refused(error), abnormal_end(Initiator::Local)], "{shown}");
    assert_eq!(run.transport, Advice::Shutdown);
    let answer = run.answer();
    answer.assert_refusal(status);
    assert_eq!(error.status(), status);
    assert_eq!(Answer::parse(&encoded(&error.response())), answer, "both ways give one response");
    assert!(!answer.body.is_empty(), "the response gives the reason");
}

fn encoded(response: &Response) -> Vec<u8> {
    let mut out = Vec::new();
    response.encode(&mut out);
    out
}

/// Returns a server that has read the whole input and waits for a decision.
fn asking(input: &[u8], event: &SessionEvent<Event<'_>>) -> Session<Server> {
    let mut session = Session::server(Config::default(), NOW);
    let mut out = Vec::new();
    assert_eq!(
        session.next_event(NOW, &mut &mut input.to_vec()[..], &mut out).as_ref(),
        Some(event)
    );
    assert_eq!(out, b"", "nothing is written before the decision");
    session
}

// Requests that are accepted

/// R6455-4.2.2-13, section F, erratum 3150: the key is used as received, even in the form that the
/// RFC printed before the erratum.
#[test]
fn the_proof_is_computed_from_the_key_as_received() {
    for (key, proof) in [
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("AQIDBAUGBwgJCgsMDQ4PEA==", "C/0nmHhBztSRGR1CwL6Tf4ZjwpY="),
        ("AQIDBAUGBwgJCgsMDQ4PEC==", "OfS0wDaT5NoxF2gqm7Zj2YtetzM="),
    ] {
        assert_eq!(accept_key(key), proof);
        let input = Head::request().set("Sec-WebSocket-Key", key).bytes();
        let run = serve(&Config::default(), &[&input], accept);
        assert_eq!(run.answer().only("Sec-WebSocket-Accept"), proof, "{key}");
    }
}

/// R6455-4.2.2-8, R6455-4.2.2-9, R6455-4.2.2-10, R6455-4.2.2-11, R6455-4.2.2-12, R6455-9-1
#[test]
fn the_response_is_a_101_with_three_headers_and_no_other() {
    let input = Head::request()
        .with("Sec-WebSocket-Protocol", "chat")
        .with("Sec-WebSocket-Extensions", "permessage-deflate, foo")
        .bytes();
    let run = at_every_cut(&input, |pieces| serve(&Config::default(), pieces, accept));
    assert_eq!(
        run.out.escape_ascii().to_string(),
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            .escape_default()
            .to_string()
    );
    assert_eq!(
        run.events,
        [SessionEvent::Upgrade, SessionEvent::Open, abnormal_end(Initiator::Remote)]
    );
    assert_eq!(run.transport, Advice::KeepOpen);
    assert_eq!(run.subprotocol, None);
}

/// R6455-4.2.1-2, R6455-4.2.1-3, R6455-4.2.1-4, R6455-4.2.1-5, R6455-4.2.1-6, R6455-4.2.1-11,
/// R6455-4.3-1, A46, A48: permitted variations of the request.
#[test]
fn every_legal_form_of_the_request_is_accepted() {
    let good = Head::request;
    let cases = [
        ("as in the RFC", good()),
        ("another order", good().reversed()),
        ("names in lower case", good().names(str::to_lowercase)),
        ("names in upper case", good().names(str::to_uppercase)),
        ("Upgrade in another case", good().set("Upgrade", "WebSocket")),
        ("Upgrade as a list", good().set("Upgrade", "foo, websocket")),
        ("Upgrade as a list with holes", good().set("Upgrade", ",WEBSOCKET\t, ,foo/1")),
        ("Upgrade in two fields", good().with("Upgrade", "h2c").reversed()),
        ("Connection of Firefox", good().set("Connection", "keep-alive, Upgrade")),
        ("Connection in another case", good().set("Connection", "UPGRADE")),
        ("Connection without spaces", good().set("Connection", "a,b,upgrade,c")),
        ("Connection in two fields", good().with("Connection", "keep-alive").reversed()),
        (
            "white space around values",
            good().set("Sec-WebSocket-Key", "\t dGhlIHNhbXBsZSBub25jZQ== \t"),
        ),
        (
            "a target in absolute form",
            good().first_line("GET http://server.example.com/chat HTTP/1.1"),
        ),
        (
            "the same with TLS",
            good().first_line("GET HTTPS://server.example.com:1/chat?x HTTP/1.1"),
        ),
        ("the shortest target", good().first_line("GET / HTTP/1.1")),
        ("a query", good().first_line("GET /chat?a=b&c=%20?/ HTTP/1.1")),
        ("Host with a port", good().set("Host", "h:8080")),
        ("Host of IPv6", good().set("Host", "[::1]:8080")),
        ("a page's origin", good().with("Origin", "https://example.com")),
        ("unknown headers", good().with("X-A", "").with("Cookie", "a=1; b=\"2\"").with("x-a", "z")),
        ("a body of no bytes", good().with("Content-Length", "0")),
        ("subprotocols", good().with("Sec-WebSocket-Protocol", "chat , superchat")),
        ("extensions", good().with("Sec-WebSocket-Extensions", "foo; a=\"b\", bar")),
        ("a later version", good().first_line("GET /chat HTTP/1.2")),
        ("the last version", good().first_line("GET /chat HTTP/1.9")),
    ];
    for (case, head) in cases {
        let run = at_every_cut(&head.bytes(), |pieces| serve(&Config::default(), pieces, accept));
        assert_eq!(run.events[..2], [SessionEvent::Upgrade, SessionEvent::Open], "{case}");
        assert_eq!(run.answer().status, 101, "{case}");
        assert_eq!(run.answer().only("Sec-WebSocket-Accept"), ACCEPT, "{case}");
    }
}

/// R6455-4.2.1-2: the resource name may be in an absolute URL without a path.
#[test]
fn a_target_in_absolute_form_names_the_same_resource() {
    for (target, path, query) in [
        ("/chat?x=1", "/chat", Some("x=1")),
        ("/chat", "/chat", None),
        ("/?", "/", Some("")),
        ("//h/x", "//h/x", None),
        ("http://h/chat?x=1", "/chat", Some("x=1")),
        ("https://h:1/", "/", None),
        ("HTTP://h", "/", None),
        ("http://[::1]/a://b", "/a://b", None),
    ] {
        let head = Head::request().first_line(&format!("GET {target} HTTP/1.1")).bytes();
        let request = Request::parse(&head).unwrap_or_else(|error| panic!("{target}: {error}"));
        assert_eq!(request.target(), target);
        assert_eq!(request.path(), path, "{target}");
        assert_eq!(request.query(), query, "{target}");
        assert_eq!(request.check_upgrade(), Ok(()), "{target}");
    }
}

/// R6455-4.2.1-2: `http://h?x` is a URL (RFC 3986 section 3.3), and the resource is `/?x`.
#[test]
fn a_target_in_absolute_form_may_have_a_query_without_a_path() {
    let head = Head::request().first_line("GET http://h?x=1 HTTP/1.1").bytes();
    let request = Request::parse(&head).unwrap();
    assert_eq!((request.path(), request.query()), ("/", Some("x=1")));
    assert_eq!(request.check_upgrade(), Ok(()));
}

/// R6455-4.2.1-8, R6455-4.2.1-9, R6455-4.2.1-11
#[test]
fn the_application_sees_the_request() {
    let request = Head::request()
        .first_line("GET /chat%20room?name=J%C3%BCrgen+B&empty=&flag&a%26b=%3D HTTP/1.1")
        .with("ORIGIN", "https://example.com")
        .with("Sec-WebSocket-Protocol", "one, two")
        .with("X-Other", "x")
        .with("sec-websocket-protocol", "Two,three")
        .parse();
    assert_eq!(request.method(), "GET");
    assert_eq!(request.path(), "/chat%20room");
    assert_eq!(request.query(), Some("name=J%C3%BCrgen+B&empty=&flag&a%26b=%3D"));
    let pairs: Vec<_> = request.query_pairs().collect();
    let expected = [("name", "Jürgen B"), ("empty", ""), ("flag", ""), ("a&b", "=")];
    assert_eq!(pairs, expected.map(|(name, value)| (name.into(), value.into())));
    assert_eq!(request.origin(), Some("https://example.com"));
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["one", "two", "Two", "three"]);
    assert_eq!(request.headers().get("x-OTHER"), Some("x"));
    assert_eq!(request.headers().get("x-another"), None);
    assert_eq!(request.headers().len(), 9);

    let plain = Head::request().parse();
    assert_eq!(plain.origin(), None);
    assert_eq!(plain.query(), None);
    assert_eq!(plain.query_pairs().count(), 0);
    assert_eq!(plain.subprotocols().count(), 0);
    assert_eq!(plain.extensions().count(), 0);
}

/// R6455-4.2.1-12, A50: a segment with the request and frames, cut everywhere.
#[test]
fn frames_after_the_request_are_delivered() {
    let input = Head::request().then(&[HELLO_MASKED, b"\x89\x80abcd", HELLO_MASKED].concat());
    let run = at_every_cut(&input, |pieces| serve(&Config::default(), pieces, accept));
    assert_eq!(
        run.events,
        [
            SessionEvent::Upgrade,
            SessionEvent::Open,
            SessionEvent::Received(Event::Text("Hello".into())),
            SessionEvent::Received(Event::Ping([].as_slice().into())),
            SessionEvent::Received(Event::Text("Hello".into())),
            abnormal_end(Initiator::Remote),
        ]
    );
    assert!(run.out.ends_with(b"\r\n\r\n\x8a\x00"), "the Pong follows the 101");
}

/// R6455-4.2.2-16
#[test]
fn a_server_may_send_as_soon_as_it_has_accepted() {
    let input = Head::request().bytes();
    let run = serve(&Config::default(), &[&input], |session, out| {
        assert_eq!(session.ready_state(), ReadyState::Connecting);
        assert_eq!(session.sender().err(), Some(SendError::NotOpen));
        accept(session, out);
        assert_eq!(session.ready_state(), ReadyState::Open);
        session.sender().unwrap().send_text("Hello", out).unwrap();
    });
    assert!(run.out.starts_with(b"HTTP/1.1 101 "));
    assert!(run.out.ends_with(&[b"\r\n\r\n", HELLO].concat()));
}

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

/// RFC 9112 section 5: the space between colon and value is optional.
#[test]
fn values_need_no_space_before_them() {
    let input = String::from_utf8(Head::request().bytes()).unwrap().replace(": ", ":");
    let run = serve(&Config::default(), &[input.as_bytes()], accept);
    assert_eq!(run.answer().only("Sec-WebSocket-Accept"), ACCEPT);
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

// Requests that are refused

/// R6455-4.2.1-1, R6455-4.2.1-2, R6455-4.2.1-3, R6455-4.2.1-4, R6455-4.2.1-5, R6455-4.2.1-6,
/// R6455-4.2.1-7, R6455-4.3-1, R6455-4.4-1, R6455-9.1-1, R6455-11.3.1-1, R6455-11.3.5-1, A46, A47,
/// A48, A49: one thing wrong at a time.
#[test]
fn a_request_that_breaks_a_rule_is_refused() {
    use RequestError as E;
    let good = Head::request;
    let line = |line: &str| Head::request().first_line(line);
    let key = |key: &str| Head::request().set("Sec-WebSocket-Key", key);
    let version = |version: &str| Head::request().set("Sec-WebSocket-Version", version);
    let cases = [
        // R6455-4.2.1-2, A46: method, version, target.
        (E::Method, 405, line("POST /chat HTTP/1.1")),
        (E::Method, 405, line("get /chat HTTP/1.1")),
        (E::Method, 405, line("HEADER /chat HTTP/1.1")),
        (E::Method, 405, line("CONNECT server.example.com:80 HTTP/1.1")),
        (E::HttpVersion, 505, line("GET /chat HTTP/0.9")),
        (E::HttpVersion, 505, line("GET /chat HTTP/2.0")),
        (E::HttpVersion, 505, line("GET /chat HTTP/3.1")),
        (E::Malformed, 400, line("GET /chat http/1.1")),
        (E::Malformed, 400, line("GET /a chat HTTP/1.1")),
        (E::Malformed, 400, line("GET /chat")),
        (E::Target, 400, line("GET http://user@localhost/chat HTTP/1.1")),
        (E::Malformed, 400, line("GET /chat HTTP/1.10")),
        (E::Malformed, 400, line("GET /chat")),
        (E::Malformed, 400, line("GET  /chat HTTP/1.1")),
        (E::NotHttp, 400, line("/chat HTTP/1.1")),
        (E::NotHttp, 400, line("G@T /chat HTTP/1.1")),
        (E::Malformed, 400, line("GET /chat HTTP/1.1 ")),
        (E::Target, 400, line("GET * HTTP/1.1")),
        (E::Target, 400, line("GET chat HTTP/1.1")),
        (E::Target, 400, line("GET /chat#x HTTP/1.1")),
        (E::Target, 400, line("GET ws://server.example.com/chat HTTP/1.1")),
        (E::Target, 400, line("GET ftp://server.example.com/chat HTTP/1.1")),
        (E::Target, 400, line("OPTIONS ** HTTP/1.1")),
        (E::Target, 400, line("OPTIONS server.example.com:80 HTTP/1.1")),
        // R6455-4.2.1-3, A46.
        (E::Host, 400, good().without("Host")),
        (E::Host, 400, good().set("Host", "")),
        (E::Host, 400, good().with("Host", "server.example.com")),
        (E::Host, 400, good().set("Host", "a b")),
        (E::Host, 400, good().set("Host", "a,b")),
        (E::Host, 400, good().set("Host", "u@h")),
        (E::Host, 400, good().set("Host", "h/x")),
        // A line that is not a field.
        (E::Malformed, 400, good().names(|name| name.replace("Upgrade", "Up grade"))),
        (E::Malformed, 400, good().names(|name| name.replace("Upgrade", "Upgrade "))),
        (E::Malformed, 400, good().names(|name| name.replace("Upgrade", ""))),
        // R6455-4.2.1-5, A48. (Without Upgrade, the request is ordinary.)
        (E::Connection, 400, good().without("Connection")),
        (E::Connection, 400, good().set("Connection", "")),
        (E::Connection, 400, good().set("Connection", "close")),
        (E::Connection, 400, good().set("Connection", "upgrade-insecure")),
        (E::Connection, 400, good().set("Connection", "keep-alive Upgrade")),
        // R6455-4.2.1-6, R6455-11.3.1-1.
        (E::Key, 400, good().without("Sec-WebSocket-Key")),
        (E::Key, 400, good().with("Sec-WebSocket-Key", KEY)),
        (E::Key, 400, key("")),
        (E::Key, 400, key("AAAAAAAAAAAAAAAAAAAA")),
        (E::Key, 400, key("AAAAAAAAAAAAAAAAAAAAAAA=")),
        (E::Key, 400, key("AAAAAAAAAAAAAAAAAAAAAAAA")),
        (E::Key, 400, key("AAAAAAAAAAAAAAAAAAAAAA")),
        (E::Key, 400, key("AAAAAAAAAAAAAAAAAAAAAA===")),
        (E::Key, 400, key("dGhlIHNhbXBsZSBub25jZ-==")),
        (E::Key, 400, key("dGhlIHNhbXBs ZSBub25jZ==")),
        (E::Key, 400, key("dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==")),
        // R6455-4.2.1-7, R6455-4.3-1, R6455-11.3.5-1, A47.
        (E::InvalidVersion, 400, good().without("Sec-WebSocket-Version")),
        (E::InvalidVersion, 400, good().with("Sec-WebSocket-Version", "13")),
        (E::InvalidVersion, 400, good().with("Sec-WebSocket-Version", "8")),
        (E::InvalidVersion, 400, version("")),
        (E::InvalidVersion, 400, version("013")),
        (E::InvalidVersion, 400, version("00")),
        (E::InvalidVersion, 400, version("+13")),
        (E::InvalidVersion, 400, version("-13")),
        (E::InvalidVersion, 400, version("13.0")),
        (E::InvalidVersion, 400, version("256")),
        (E::InvalidVersion, 400, version("13, 8")),
        (E::InvalidVersion, 400, version("thirteen")),
        (E::UnsupportedVersion, 426, version("0")),
        (E::UnsupportedVersion, 426, version("7")),
        (E::UnsupportedVersion, 426, version("8")),
        (E::UnsupportedVersion, 426, version("14")),
        (E::UnsupportedVersion, 426, version("25")),
        (E::UnsupportedVersion, 426, version("255")),
        // R6455-4.3-1.
        (E::Subprotocol, 400, good().with("Sec-WebSocket-Protocol", "a b")),
        (E::Subprotocol, 400, good().with("Sec-WebSocket-Protocol", "a/b")),
        (E::Subprotocol, 400, good().with("Sec-WebSocket-Protocol", "\"a\"")),
        (
            E::Subprotocol,
            400,
            good().with("Sec-WebSocket-Protocol", "a").with("Sec-WebSocket-Protocol", ";"),
        ),
        // R6455-9.1-1; the grammar has its own table.
        (E::Extensions, 400, good().with("Sec-WebSocket-Extensions", "a; b=\"c d\"")),
        (
            E::Extensions,
            400,
            good().with("Sec-WebSocket-Extensions", "a").with("Sec-WebSocket-Extensions", ";"),
        ),
    ];
    for (error, status, head) in cases {
        assert_refused(&Config::default(), &head.bytes(), error, status);
    }
}

/// A target that looks absolute but names no host is not an `http` URL (RFC 9110 section 4.2.1),
/// whatever path another parser might find in it.
#[test]
fn an_absolute_target_without_a_host_is_refused() {
    for target in ["http:///admin", "http://", "https://?x"] {
        let head = Head::request().first_line(&format!("GET {target} HTTP/1.1"));
        assert_refused(&Config::default(), &head.bytes(), RequestError::Target, 400);
    }
}

/// R6455-4.2.1-3, RFC 9112 section 3.2: an invalid `Host` gets a 400.
#[test]
fn an_invalid_host_is_refused() {
    for host in ["h:x", "h:80:80", "h:99999", "[::1", "::1", "[h]", "h^"] {
        let head = Head::request().set("Host", host);
        assert_refused(&Config::default(), &head.bytes(), RequestError::Host, 400);
    }
}

/// R6455-4.2.2-5, R6455-4.4-1: a client with another version learns the supported one, even if its
/// header is invalid.
#[test]
fn a_refused_version_is_answered_with_the_supported_one() {
    for version in ["8", "14", "013", "13, 8", ""] {
        let input = Head::request().set("Sec-WebSocket-Version", version).bytes();
        let answer = serve(&Config::default(), &[&input], accept).answer();
        assert_eq!(answer.only("Sec-WebSocket-Version"), "13", "{version}");
    }
}

/// RFC 9110 section 15.5.6: 405 lists the allowed methods.
#[test]
fn a_refused_method_is_answered_with_the_allowed_one() {
    let input = Head::request().first_line("POST /chat HTTP/1.1").bytes();
    let answer = serve(&Config::default(), &[&input], accept).answer();
    assert_eq!(answer.only("Allow"), "GET, HEAD, OPTIONS");
}

/// A46: a client that starts with HTTP/2.
#[test]
fn the_preface_of_http_2_is_refused() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert_refused(&Config::default(), preface, RequestError::HttpVersion, 505);
}

/// A49: the bytes of a body are never mistaken for frames or a second request.
#[test]
fn a_request_with_a_body_is_refused() {
    let good = Head::request;
    let cases = [
        good().with("Content-Length", "5").then(b"hello"),
        good().with("Content-Length", "11").then(HELLO_MASKED),
        good().with("Content-Length", "0").with("Content-Length", "5").then(b"hello"),
        good().with("Content-Length", "0").with("Content-Length", "0").bytes(),
        good().with("Content-Length", "0, 0").bytes(),
        good().with("Content-Length", "00").bytes(),
        good().with("Content-Length", "\t").bytes(),
        good().with("Content-Length", "-1").bytes(),
        good().with("Content-Length", "0, 5").then(b"hello"),
        good().with("Content-Length", "").bytes(),
        good().with("Transfer-Encoding", "chunked").then(b"5\r\nhello\r\n0\r\n\r\n"),
        good().with("Transfer-Encoding", "chunked").then(&good().bytes()),
        good().with("Transfer-Encoding", "identity").then(HELLO_MASKED),
        good().with("transfer-encoding", "").then(HELLO_MASKED),
        good().without("Upgrade").with("Content-Length", "5").then(b"hello"),
        good().first_line("POST / HTTP/1.0").with("Content-Length", "5").then(b"hello"),
        good().first_line("POST / HTTP/1.0").with("Transfer-Encoding", "chunked").bytes(),
    ];
    for input in cases {
        assert_refused(&Config::default(), &input, RequestError::Body, 400);
    }
}

/// R6455-8.1-1, A45: a byte that is not allowed in a head is refused anywhere in it.
#[test]
fn a_bad_byte_anywhere_in_the_head_is_refused() {
    let head = Head::request().with("Sec-WebSocket-Protocol", "chat").bytes();
    let bad = (0..=0x7F).filter(|byte| !matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~'));
    for byte in bad.chain([b'\r', b'\n']) {
        for at in 0..head.len() {
            let mut input = head.clone();
            input.insert(at, byte);
            if input.starts_with(&head) {
                continue; // After the head.
            }
            let error = match (at, byte) {
                (0, 0x15 | 0x16) => RequestError::Head(HeadError::Tls),
                (0..=3, _) => RequestError::NotHttp,
                _ => RequestError::Head(HeadError::InvalidByte),
            };
            let run = serve(&Config::default(), &[&input], accept);
            assert_eq!(
                run.events,
                [refused(error), abnormal_end(Initiator::Local)],
                "{byte} at {at}"
            );
            run.answer().assert_refusal(400);
        }
    }
}

/// R6455-8.1-1, A45: some of these bytes at every cut.
#[test]
fn a_bad_byte_is_refused_at_every_cut() {
    let error = RequestError::Head(HeadError::InvalidByte);
    for line in [
        "Host: a\r\n b",
        "Host: a\r\n\tb",
        "Host: a\nX: b",
        "Host: a\rX: b",
        "Host: a\n",
        "Host: \0",
        " Host: a",
        "X: \x7F",
        "\u{e9}: x",
    ] {
        let input = format!("GET / HTTP/1.1\r\n{line}\r\n\r\n");
        assert_refused(&Config::default(), input.as_bytes(), error, 400);
    }
    assert_refused(&Config::default(), b"GET /\xFF", error, 400);
}

/// RFC 9110 section 5.5: field values are opaque, except those that the handshake reads.
// H3
#[test]
fn non_ascii_bytes_are_allowed_in_parts_of_a_request() {
    let head = Head::request().with("Cookie", "city=M\u{fc}nchen").bytes();
    let name: Vec<u8> = (0x80..=0xFF).collect();
    let input = [&head[..head.len() - 2], b"X-Name: ", &name, b"\r\n\r\n", HELLO_MASKED].concat();
    let run = at_every_cut(&input, |pieces| {
        serve(&Config::default(), pieces, |session, out| {
            let headers = session.request().unwrap().headers();
            assert_eq!(headers.get("cookie"), Some("city=M\u{fc}nchen"));
            assert_eq!(headers.get_bytes("cookie"), Some("city=M\u{fc}nchen".as_bytes()));
            assert_eq!(headers.get("x-name"), None, "not UTF-8");
            assert_eq!(headers.get_all("x-name").count(), 0);
            assert_eq!(headers.get_all_bytes("x-name").collect::<Vec<_>>(), [&name]);
            assert_eq!(headers.iter().last(), Some(("X-Name", &name[..])));
            let answer = Accept::new().header("X-Echo", &name).unwrap();
            session.accept(&answer, NOW, out).unwrap();
        })
    });
    assert_eq!(run.events[2], SessionEvent::Received(Event::Text("Hello".into())));
    let echo = [b"\r\nX-Echo: ", &name[..], b"\r\n"].concat();
    assert!(run.out.windows(echo.len()).any(|window| window == echo));

    for (name, value) in [
        ("Host", "b\u{fc}cher.example"),
        ("Upgrade", "websocket, \u{e9}"),
        ("Connection", "Upgrade, \u{e9}"),
        ("Origin", "https://b\u{fc}cher.example"),
        ("Sec-WebSocket-Key", "\u{e9}"),
        ("Sec-WebSocket-Version", "\u{0661}"),
        ("Sec-WebSocket-Protocol", "\u{e9}"),
        ("Sec-WebSocket-Extensions", "foo; a=\"\u{e9}\""),
        ("Content-Length", "\u{0660}"),
        ("Transfer-Encoding", "\u{e9}"),
    ] {
        let head = Head::request().with(&name.to_lowercase(), value);
        assert_refused(&Config::default(), &head.bytes(), RequestError::NonAscii(name), 400);
    }
    let name = Head::request().with("X-\u{e9}", "x");
    assert_refused(&Config::default(), &name.bytes(), RequestError::Malformed, 400);
    let target = Head::request().first_line("GET /caf\u{e9} HTTP/1.1");
    let error = RequestError::Head(HeadError::InvalidByte);
    assert_refused(&Config::default(), &target.bytes(), error, 400);
}

/// RFC 9112 section 2.2: one empty line is ignored; two are refused.
// H5
#[test]
fn one_empty_line_before_the_request_is_ignored() {
    let mut config = Config::default();
    let head = Head::request().bytes();
    config.max_head_size = head.len();
    let input = [b"\r\n", &head[..], HELLO_MASKED].concat();
    let run = at_every_cut(&input, |pieces| serve(&config, pieces, accept));
    assert_eq!(run.events[2], SessionEvent::Received(Event::Text("Hello".into())));
    assert_eq!(run.answer().only("Sec-WebSocket-Accept"), ACCEPT);

    for wrong in [&b"\r\n\r\n"[..], b"\n", b"\r\r\n", b"\r\n\n", b" \r\n", b"\r\n "] {
        let input = [wrong, &head].concat();
        assert_refused(&Config::default(), &input, RequestError::NotHttp, 400);
    }
    // It is not part of a head: no request was begun.
    // T5
    let run = serve(&Config::default(), &[b"\r\n"], accept);
    assert_eq!(run.events, [abnormal_end(Initiator::Remote)]);
}

/// Another protocol is recognised at its first wrong byte.
// T6
#[test]
fn a_client_that_does_not_speak_http_is_refused_at_once() {
    for input in [&b"\0"[..], b" GET", b"\x80", b"SSH-2.0-OpenSSH_9.9\r", b"G\x01", b"GET\t"] {
        assert_refused(&Config::default(), input, RequestError::NotHttp, 400);
    }
    let error = RequestError::Head(HeadError::Tls);
    assert_refused(&Config::default(), b"\x16\x03\x01\x02\0\x01", error, 400);
    assert_eq!(error.to_string(), "malformed request: this is TLS, where plain HTTP is expected");
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

// Limits

/// R6455-4.2.1-13, A43: each default limit is enforced at the first byte beyond it.
#[test]
fn an_endless_head_is_cut_off() {
    let config = Config::default();
    let long = "a".repeat(1 << 20);
    let many = "a: b\r\n".repeat(2000);
    let cases = [
        (HeadError::FirstLineTooLong, 414, format!("GET /{long}")),
        (HeadError::FirstLineTooLong, 414, long.clone()),
        (HeadError::TooLong, 431, format!("GET / HTTP/1.1\r\nX: {long}")),
        (HeadError::TooLong, 431, format!("GET / HTTP/1.1\r\n{long}")),
        (HeadError::TooManyFields, 431, format!("GET / HTTP/1.1\r\n{many}")),
    ];
    for (error, status, input) in cases {
        let whole = serve(&config, &[input.as_bytes()], accept);
        assert_eq!(whole.events[0], refused(RequestError::Head(error)));
        whole.answer().assert_refusal(status);
        let single: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
        assert_eq!(serve(&config, &single, accept), whole);
    }
}

/// R6455-4.2.1-13: limits are inclusive, count bytes, and do not depend on the cuts.
#[test]
fn the_limits_of_a_head_are_inclusive() {
    let mut config = Config::default();
    let head = Head::request().then(HELLO_MASKED);
    let head_len = head.len() - HELLO_MASKED.len();

    config.max_head_size = head_len;
    config.max_headers = 5;
    let run = at_every_cut(&head, |pieces| serve(&config, pieces, accept));
    assert_eq!(run.events[2], SessionEvent::Received(Event::Text("Hello".into())));

    config.max_head_size = head_len - 1;
    assert_refused(&config, &head, RequestError::Head(HeadError::TooLong), 431);

    config.max_head_size = "GET /chat HTTP/1.1\r\n".len() - 1;
    assert_refused(&config, &head, RequestError::Head(HeadError::FirstLineTooLong), 414);

    config.max_head_size = head_len;
    config.max_headers = 4;
    assert_refused(&config, &head, RequestError::Head(HeadError::TooManyFields), 431);
}

/// A44, promise I9: a head of 1 MiB, one byte at a time; no byte is examined twice, or this would
/// examine 500 gigabytes.
#[test]
fn a_long_head_may_come_one_byte_at_a_time() {
    let mut config = Config::default();
    config.max_head_size = 1 << 20;
    let mut head = Head::request().with("X", "");
    let missing = (1 << 20) - head.bytes().len();
    head = head.set("X", &"x".repeat(missing));
    let input = head.bytes();
    let single: Vec<&[u8]> = input.chunks(1).collect();
    let run = serve(&config, &single, |session, out| {
        assert_eq!(session.request().unwrap().headers().get("X").map(str::len), Some(missing));
        accept(session, out);
    });
    assert_eq!(run.events[..2], [SessionEvent::Upgrade, SessionEvent::Open]);
}

/// A44: a head of 8 KiB at every cut.
#[test]
fn a_head_may_be_cut_anywhere() {
    let input = Head::request().with("X", &"x".repeat(8 << 10)).then(HELLO_MASKED);
    let run = at_every_cut(&input, |pieces| serve(&Config::default(), pieces, accept));
    assert_eq!(run.events[2], SessionEvent::Received(Event::Text("Hello".into())));
}

#[test]
fn the_finder_counts_the_bytes_it_examined() {
    let config = Config::default();
    let mut finder = HeadFinder::request();
    assert!(finder.is_empty());
    assert_eq!(finder.find(b"", &config), Ok(None));
    assert!(finder.is_empty());
    assert_eq!(finder.find(b"GET / HTTP/1.1\r\n\r", &config), Ok(None));
    assert_eq!((finder.len(), finder.is_empty()), (17, false));
    assert_eq!(finder.find(b"\nrest", &config), Ok(Some(1)));
    assert_eq!(finder.len(), 18);
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

// Decisions of the application

/// R6455-4.2.1-4, A48: without `Upgrade: websocket` it is an ordinary request, here left
/// unanswered.
#[test]
fn an_ordinary_request_without_an_answer_gets_426() {
    let good = Head::request;
    for head in [
        good().without("Upgrade"),
        good().set("Upgrade", ""),
        good().set("Upgrade", "websocket2"),
        good().set("Upgrade", "h2c"),
        good().set("Upgrade", "websocket/13"),
        good().set("Upgrade", "web socket"),
        Head::new("GET / HTTP/1.1", &[("Host", "h")]),
    ] {
        // A second request after it is ignored.
        let input = head.then(&head.bytes());
        let run = at_every_cut(&input, |pieces| serve(&Config::default(), pieces, undecided));
        let events =
            [SessionEvent::Http, refused(RequestError::NoUpgrade), abnormal_end(Initiator::Local)];
        assert_eq!(run.events, events);
        run.answer().assert_refusal(426);
        assert_eq!(run.transport, Advice::Shutdown);
    }
}

/// RFC 9110 section 9.1: any request that is not an upgrade is left to the application.
// H1
#[test]
fn an_ordinary_request_is_left_to_the_application() {
    let plain = |line: &str| Head::new(line, &[("Host", "h")]);
    let bare = |line: &str| Head::new(line, &[]);
    let cases = [
        (plain("GET /health HTTP/1.1"), 426),
        (plain("GET /health HTTP/1.0"), 426),
        (bare("GET /health HTTP/1.0"), 426),
        (plain("GET /health HTTP/1.2"), 426),
        (plain("GET /health HTTP/1.9"), 426),
        (bare("HEAD /health HTTP/1.0"), 426),
        (plain("HEAD /health HTTP/1.1"), 426),
        (bare("OPTIONS /health HTTP/1.0"), 426),
        (plain("OPTIONS /health HTTP/1.1"), 426),
        (plain("OPTIONS * HTTP/1.1"), 426),
        (bare("OPTIONS * HTTP/1.0"), 426),
        (plain("POST /health HTTP/1.1"), 405),
        (plain("POST /health HTTP/1.1").with("Content-Length", "0"), 405),
        (plain("DELETE /health HTTP/1.1"), 405),
        (plain("TRACE /health HTTP/1.1"), 405),
        (plain("PROPFIND /health HTTP/1.1"), 405),
        (plain("get /health HTTP/1.1"), 405),
        (plain("!#$%&'*+-.^_`|~09azAZ /health HTTP/1.1"), 405),
        // RFC 9110 section 7.8: HTTP/1.0 has no upgrades.
        (Head::request().first_line("GET /chat HTTP/1.0"), 426),
        (Head::request().first_line("GET /chat HTTP/1.0").without("Host"), 426),
        (Head::request().first_line("POST /chat HTTP/1.0"), 405),
        (Head::request().first_line("GET http://h/chat HTTP/1.0").without("Host"), 426),
    ];
    for (head, status) in cases {
        let input = head.bytes();
        let shown = input.escape_ascii().to_string();
        let run = at_every_cut(&input, |pieces| {
            serve(&Config::default(), pieces, |session, out| {
                let request = session.request().unwrap();
                assert!(!request.is_upgrade(), "{shown}");
                let refused = session.accept(&Accept::new(), NOW, out);
                assert!(matches!(refused, Err(AcceptError::Request(_))), "{shown}");
                session.respond(&Response::text(200, "fine\n"), NOW, out).unwrap();
            })
        });
        assert_eq!(run.events, [SessionEvent::Http, abnormal_end(Initiator::Local)], "{shown}");
        assert_eq!(run.answer().status, 200, "{shown}");
        let body: &[u8] = if input.starts_with(b"HEAD ") { b"" } else { b"fine\n" };
        assert_eq!(run.answer().body, body, "{shown}");

        let run = at_every_cut(&input, |pieces| serve(&Config::default(), pieces, undecided));
        assert_eq!(run.events[0], SessionEvent::Http, "{shown}");
        run.answer().assert_refusal_to_head(status);
        let allow: &[&str] = if status == 405 { &["GET, HEAD, OPTIONS"] } else { &[] };
        assert_eq!(run.answer().all("Allow"), allow, "{shown}");
        assert_eq!(run.answer().body.is_empty(), input.starts_with(b"HEAD "), "{shown}");
    }
}

// H1
#[test]
fn the_application_sees_version_and_target_of_an_ordinary_request() {
    for (line, minor, path, host) in [
        ("GET /a?b HTTP/1.0", 0, "/a", ""),
        ("OPTIONS * HTTP/1.0", 0, "*", ""),
        ("GET http://h/a HTTP/1.0", 0, "/a", "h"),
    ] {
        let request = Head::new(line, &[]).parse();
        assert_eq!(request.version_minor(), minor);
        assert_eq!((request.path(), request.host()), (path, host), "{line}");
    }
    assert_eq!(Head::request().first_line("GET / HTTP/1.7").parse().version_minor(), 7);
    assert_eq!(Head::request().parse().version_minor(), 1);
    // Host is optional in HTTP/1.0, but must be valid.
    for hosts in [&["a", "a"][..], &["a,b"], &[""]] {
        let head =
            hosts.iter().fold(Head::new("GET / HTTP/1.0", &[]), |h, host| h.with("Host", host));
        assert_refused(&Config::default(), &head.bytes(), RequestError::Host, 400);
    }
}

/// RFC 9110 section 5.6.1.2
// H2
#[test]
fn empty_elements_of_lists_are_ignored() {
    let protocol = "Sec-WebSocket-Protocol";
    let extensions = "Sec-WebSocket-Extensions";
    for (head, offered) in [
        (Head::request().with(protocol, "v1,"), "v1|"),
        (Head::request().with(protocol, "v1, ,v2"), "v1 v2|"),
        (Head::request().with(protocol, ",,v1\t,\t,,v2, "), "v1 v2|"),
        (Head::request().with(protocol, "").with(protocol, "v1"), "v1|"),
        (Head::request().with(protocol, ""), "|"),
        (Head::request().with(protocol, " , ,"), "|"),
        (Head::request().with(extensions, "permessage-deflate,"), "|permessage-deflate"),
        (Head::request().with(extensions, ", foo; a ,, bar,"), "|foo bar"),
        (Head::request().with(extensions, "").with(extensions, "foo"), "|foo"),
        (Head::request().with(extensions, ""), "|"),
        (Head::request().with(extensions, "\t,"), "|"),
        (Head::request().set("Connection", ",Upgrade,, keep-alive ,"), "|"),
        (Head::request().set("Upgrade", ", websocket ,"), "|"),
        (Head::request().with("Connection", "").with("Upgrade", ""), "|"),
    ] {
        let run = at_every_cut(&head.bytes(), |pieces| {
            serve(&Config::default(), pieces, |session, out| {
                let request = session.request().unwrap();
                let subprotocols: Vec<_> = request.subprotocols().collect();
                let offers: Vec<_> = request.extensions().collect();
                let names: Vec<_> = offers.iter().map(Extension::name).collect();
                let found = format!("{}|{}", subprotocols.join(" "), names.join(" "));
                assert_eq!(found, offered);
                accept(session, out);
            })
        });
        assert_eq!(run.answer().status, 101);
    }
}

/// RFC 9110 section 6.6.1: with a clock, every response has a date.
// H4
#[test]
fn every_response_has_a_date_if_there_is_a_clock() {
    type Decide = fn(&mut Session<Server>, Duration, &mut Vec<u8>);
    let at_zero = Duration::from_secs(784_111_770);
    let now = Duration::from_millis(7999);
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let own = "Mon, 01 Jan 2024 00:00:00 GMT";
    let cases: [(&[u8], Decide, u16, &str); 10] = [
        (
            &Head::request().bytes(),
            |s, now, out| s.accept(&Accept::new(), now, out).unwrap(),
            101,
            date,
        ),
        (
            &Head::request().bytes(),
            |s, now, out| {
                let own = "Mon, 01 Jan 2024 00:00:00 GMT";
                s.accept(&Accept::new().header("date", own).unwrap(), now, out).unwrap();
            },
            101,
            own,
        ),
        (
            &Head::request().bytes(),
            |s, now, out| s.respond(&Response::new(404), now, out).unwrap(),
            404,
            date,
        ),
        (
            &Head::request().bytes(),
            |s, now, out| {
                let own = Response::new(404).header("DATE", "Mon, 01 Jan 2024 00:00:00 GMT");
                s.respond(&own.unwrap(), now, out).unwrap();
            },
            404,
            own,
        ),
        (&Head::request().bytes(), |_, _, _| {}, 403, date),
        (&Head::request().bytes(), |s, now, out| s.close(None, now, out).unwrap(), 503, date),
        (&Head::new("HEAD / HTTP/1.0", &[]).bytes(), |_, _, _| {}, 426, date),
        (b"\0", |_, _, _| {}, 400, date),
        (&Head::request().without("Host").bytes(), |_, _, _| {}, 400, date),
        (
            b"GET",
            |s, _, out| s.handle_timeout(Duration::from_secs(17), out),
            408,
            "Sun, 06 Nov 1994 08:49:47 GMT",
        ),
    ];
    for (input, decide, status, expected) in cases {
        for clock in [true, false] {
            let mut session = Session::server(Config::default(), Duration::ZERO);
            if clock {
                session = session.with_unix_time(at_zero);
            }
            let mut out = Vec::new();
            let mut input = input.to_vec();
            let mut input = &mut input[..];
            session.next_event(now, &mut input, &mut out);
            decide(&mut session, now, &mut out);
            while session.next_event(now, &mut input, &mut out).is_some() {}
            let answer = Answer::parse(&out);
            assert_eq!(answer.status, status);
            let dates = answer.all("Date");
            match clock || expected == own {
                true => assert_eq!(dates, [expected], "{status}"),
                false => assert!(dates.is_empty(), "{status}"),
            }
        }
    }
}

// H4
#[test]
fn a_response_without_a_session_can_have_a_date() {
    let time = Duration::from_secs(784_111_777);
    let dated = RequestError::NoUpgrade.response().date(time).date(Duration::ZERO);
    assert_eq!(Answer::parse(&encoded(&dated)).only("Date"), http_date(time));
    let own = Response::new(200).header("date", "today").unwrap().date(time);
    assert_eq!(Answer::parse(&encoded(&own)).only("Date"), "today");
}

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

#[test]
fn the_application_may_answer_an_ordinary_request() {
    let page = Response::html("<p>Hello").header("Cache-Control", "no-store").unwrap();
    let input = Head::new("GET /page?x HTTP/1.1", &[("Host", "h")]).bytes();
    let run = at_every_cut(&input, |pieces| {
        serve(&Config::default(), pieces, |session, out| {
            assert_eq!(session.request().unwrap().path(), "/page");
            session.respond(&page, NOW, out).unwrap();
            assert_eq!(session.request(), None);
        })
    });
    assert_eq!(run.events, [SessionEvent::Http, abnormal_end(Initiator::Local)]);
    let answer = run.answer();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"<p>Hello"[..]));
    assert_eq!(answer.only("Content-Length"), "8");
    assert_eq!(answer.only("Content-Type"), "text/html; charset=utf-8");
    assert_eq!(answer.only("Cache-Control"), "no-store");
    assert_eq!(answer.only("Connection"), "close");
}

/// RFC 9110 section 9.3.2: the response to HEAD is that to GET without its body.
#[test]
fn the_response_to_a_head_request_has_no_body() {
    let page = Response::html("<p>Hello");
    let input = Head::new("HEAD / HTTP/1.1", &[("Host", "h")]).bytes();
    let run = at_every_cut(&input, |pieces| {
        serve(&Config::default(), pieces, |session, out| {
            session.respond(&page, NOW, out).unwrap();
        })
    });
    assert_eq!(run.events[0], SessionEvent::Http);
    let answer = run.answer();
    assert_eq!((answer.status, &answer.body[..]), (200, &b""[..]));
    assert_eq!(answer.only("Content-Length"), "8");
}

/// RFC 9110 section 9.3.2: the same for refusals that the engine writes itself.
#[test]
fn a_refusal_of_a_head_request_has_no_body() {
    let head = || Head::new("HEAD / HTTP/1.1", &[("Host", "h")]);
    let run = serve(&Config::default(), &[&head().bytes()], undecided);
    run.answer().assert_refusal_to_head(426);
    assert_eq!(run.answer().body.escape_ascii().to_string(), "");

    let handshake = Head::request().first_line("HEAD /chat HTTP/1.1").bytes();
    let run = serve(&Config::default(), &[&handshake], undecided);
    run.answer().assert_refusal_to_head(405);
    assert_eq!(run.answer().body.escape_ascii().to_string(), "");

    let mut session = asking(&head().bytes(), &SessionEvent::Http);
    let mut out = Vec::new();
    session.close(None, NOW, &mut out).unwrap();
    let answer = Answer::parse(&out);
    answer.assert_refusal_to_head(503);
    assert_eq!(answer.body.escape_ascii().to_string(), "");
}

#[test]
fn an_ordinary_request_cannot_be_accepted() {
    let input = Head::new("GET / HTTP/1.1", &[("Host", "h")]).bytes();
    let mut session = asking(&input, &SessionEvent::Http);
    let mut out = Vec::new();
    let error = AcceptError::Request(RequestError::NoUpgrade);
    assert_eq!(session.accept(&Accept::new(), NOW, &mut out), Err(error));
    assert_eq!(out, b"");
    session.respond(&Response::new(404), NOW, &mut out).unwrap();
    Answer::parse(&out).assert_refusal(404);
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

/// R6455-4.2.2-7, R6455-4.2.2-14, R7936-2-1: the subprotocol is one that the client offers, in the
/// same case; a wrong choice writes nothing, and can be corrected.
#[test]
fn a_subprotocol_that_was_not_offered_cannot_be_selected() {
    let input = Head::request().with("Sec-WebSocket-Protocol", "chat, superchat").bytes();
    let mut session = asking(&input, &SessionEvent::Upgrade);
    let mut out = Vec::new();
    for wrong in ["other", "Chat", "chat, superchat", "", " chat", "chat\r\nX: y"] {
        let accept = Accept::new().subprotocol(wrong);
        assert_eq!(accept.selected_subprotocol(), Some(wrong));
        let Err(AcceptError::Subprotocol(error)) = session.accept(&accept, NOW, &mut out) else {
            panic!("{wrong} was accepted")
        };
        // T16
        assert_eq!((error.selected(), error.offered().join(" ")), (wrong, "chat superchat".into()));
        assert!(error.to_string().ends_with("(offered: \"chat\", \"superchat\")"), "{error}");
        assert_eq!(out, b"");
        assert_eq!(session.ready_state(), ReadyState::Connecting);
        assert!(session.request().is_some());
    }
    session.accept(&Accept::new().subprotocol("superchat"), NOW, &mut out).unwrap();
    assert_eq!(Answer::parse(&out).only("Sec-WebSocket-Protocol"), "superchat");
    assert_eq!(session.subprotocol(), Some("superchat"));
}

/// R6455-4.2.2-7, R6455-4.2.2-8, R7936-2-1
#[test]
fn the_first_supported_subprotocol_that_is_offered_is_selected() {
    for (offered, supported, selected) in [
        (&["a, b"][..], &["b", "a"][..], Some("b")),
        (&["a", "b"], &["c", "b"], Some("b")),
        (&["a, b"], &["c"], None),
        (&["a, b"], &["A", "B"], None),
        (&["a, b"], &[], None),
        (&[], &["a"], None),
    ] {
        let head = offered
            .iter()
            .fold(Head::request(), |head, value| head.with("Sec-WebSocket-Protocol", value));
        let run = serve(&Config::default(), &[&head.bytes()], |session, out| {
            let accept = Accept::new()
                .subprotocol("forgotten")
                .select_subprotocol(session.request().unwrap(), supported);
            session.accept(&accept, NOW, out).unwrap();
        });
        assert_eq!(run.answer().all("Sec-WebSocket-Protocol"), selected.as_slice());
        assert_eq!(run.subprotocol.as_deref(), selected);
    }
}

/// R6455-4.2.2-9, R6455-4.2.2-15, R6455-9-1
#[test]
fn an_extension_that_was_not_offered_cannot_be_accepted() {
    let request = Head::request()
        .with("Sec-WebSocket-Extensions", "foo; a")
        .with("Sec-WebSocket-Extensions", "permessage-deflate, bar")
        .parse();
    let extension = |name: &str| Extension::new(name).unwrap();
    let mut out = Vec::new();
    for name in ["other", "Foo"] {
        let result = Accept::new().extension(extension(name)).encode(&request, &mut out);
        let Err(AcceptError::Extension(error)) = result else { panic!("{name} was accepted") };
        // T16
        assert_eq!(error.selected(), name);
        assert_eq!(error.offered(), ["foo", "permessage-deflate", "bar"]);
        assert_eq!(out, b"");
    }
    // The engine has no permessage-deflate to own the reserved bit.
    for name in ["permessage-deflate", "PERMESSAGE-DEFLATE"] {
        let result = Accept::new().extension(extension(name)).encode(&request, &mut out);
        assert_eq!(result, Err(AcceptError::Unavailable(name.to_owned())));
        assert_eq!(out, b"");
    }
    let accept = Accept::new()
        .extension(extension("foo").param("a", Some("1")).unwrap())
        .extension(extension("bar"));
    assert_eq!(accept.extensions().len(), 2);
    accept.encode(&request, &mut out).unwrap();
    let answer = Answer::parse(&out);
    assert_eq!(answer.all("Sec-WebSocket-Extensions").join(", "), "foo; a=1, bar");
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

// Responses

/// The engine frames the response: no header added by the application contradicts it.
#[test]
fn a_response_frames_its_body_in_one_way() {
    let response = Response::text(200, "hello")
        .header("Content-Length", "0")
        .and_then(|response| response.header("connection", "keep-alive"))
        .unwrap();
    let answer = Answer::parse(&encoded(&response));
    assert_eq!(answer.only("Content-Length"), "5");
    assert_eq!(answer.only("Connection"), "close");
    assert_eq!(answer.body, b"hello");
}

/// RFC 9112 section 6.2: no Content-Length with a Transfer-Encoding; a body that is not encoded
/// must not claim to be.
#[test]
fn a_response_claims_no_transfer_encoding() {
    if let Ok(response) = Response::text(200, "hello").header("Transfer-Encoding", "chunked") {
        assert!(Answer::parse(&encoded(&response)).all("Transfer-Encoding").is_empty());
    }
}

/// RFC 9110 section 8.6: no Content-Length with status 204; sections 15.3.5 and 15.4.5: no body
/// with status 204 or 304.
#[test]
fn a_response_that_has_no_body_carries_none() {
    let empty = Answer::parse(&encoded(&Response::text(204, "hello")));
    assert!(empty.all("Content-Length").is_empty(), "{empty:?}");
    assert_eq!(empty.body, b"");
    assert_eq!(Answer::parse(&encoded(&Response::text(304, "hello"))).body, b"");
}

/// A52
#[test]
fn a_content_type_cannot_break_out_of_the_head() {
    let answer = Answer::parse(&encoded(&Response::new(200).body("a\r\nX: b", *b"hello")));
    assert!(answer.all("Content-Type").is_empty());
    assert!(answer.all("X").is_empty());
    assert_eq!(answer.body, b"hello");
}

/// The status line is also valid for statuses without a known reason phrase.
#[test]
fn every_status_makes_a_valid_response() {
    for status in 200..=999 {
        let answer = Answer::parse(&encoded(&Response::new(status)));
        assert_eq!((answer.status, answer.body.len()), (status, 0));
    }
}

// Without the session

/// R8441-5-3: where other code handles HTTP, subprotocols, extensions and origin are negotiated
/// without a key.
#[test]
fn a_negotiation_without_a_key_is_possible() {
    let request = Head::request()
        .without("Upgrade")
        .without("Connection")
        .without("Sec-WebSocket-Key")
        .with("sec-websocket-protocol", "chat, superchat")
        .with("sec-websocket-extensions", "foo; a=1")
        .with("origin", "https://example.com")
        .parse();
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["chat", "superchat"]);
    let foo = Extension::new("foo").and_then(|foo| foo.param("a", Some("1"))).unwrap();
    assert_eq!(request.extensions().collect::<Vec<_>>(), [foo]);
    assert_eq!(request.origin(), Some("https://example.com"));
    assert_eq!(request.headers().get("Sec-WebSocket-Version"), Some("13"));
}

/// R8441-5-4: a connection negotiated elsewhere begins open; framing is unchanged.
#[test]
fn a_connection_may_begin_after_its_handshake() {
    let mut out = Vec::new();
    let mut server = Connection::new(Server, Config::default(), Extensions::none());
    let mut bytes = HELLO_MASKED.to_vec();
    let event = server.next_event(&mut &mut bytes[..], &mut out);
    assert_eq!(event, Ok(Some(Event::Text("Hello".into()))));
    server.send_text("Hello", &mut out).unwrap();
    assert_eq!(out, HELLO);

    let mut client =
        Connection::new(Client::from_seed(SEED), Config::default(), Extensions::none());
    let event = client.next_event(&mut &mut out[..], &mut Vec::new());
    assert_eq!(event, Ok(Some(Event::Text("Hello".into()))));
    let mut sent = Vec::new();
    client.send_text("Hello", &mut sent).unwrap();
    assert_eq!((sent.len(), &sent[..2]), (11, &b"\x81\x85"[..]));
}

// Properties

/// Almost valid heads, and arbitrary bytes.
fn any_input() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<Vec<u8>> = [
        "GET / HTTP/1.1\r\n",
        "HEAD /x?y HTTP/1.1\r\n",
        "GET http://h/ HTTP/1.1\r\n",
        "POST / HTTP/1.0\r\n",
        "OPTIONS * HTTP/1.2\r\n",
        "\r\nGET / HTTP/1.0\r\n",
        "X: \u{e9}\r\n",
        "Host: h\r\n",
        "Upgrade: websocket\r\n",
        "Connection: keep-alive, Upgrade\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Version: 8\r\n",
        "Sec-WebSocket-Protocol: a, b\r\n",
        "Sec-WebSocket-Extensions: a; b=\"c\\d\"\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: x\r\n",
        "\r\n",
        "\r",
        "\n",
        " ",
        ":",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    let part = prop_oneof![
        8 => prop::sample::select(known),
        1 => Just(Head::request().bytes()),
        1 => Just(HELLO_MASKED.to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
        1 => "[ -~]{0,8}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn response_or_nothing(out: &[u8]) {
    if !out.is_empty() {
        let answer = Answer::parse(out);
        if answer.status != 101 {
            answer.assert_refusal(answer.status);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// R6455-4.2.1-1, promises I2 and I7: no input panics, cuts change nothing, and the response is
    /// HTTP.
    #[test]
    fn no_input_confuses_a_server(input in any_input()) {
        let mut config = Config::default();
        config.max_head_size = 400;
        config.max_headers = 8;
        let run = at_every_cut(&input, |pieces| serve(&config, pieces, |session, out| {
            if session.accept(&Accept::new(), NOW, out).is_err() {
                session.respond(&Response::text(404, "no\n"), NOW, out).unwrap();
            }
        }));
        let closed = run.events.iter().filter(|event| matches!(event, SessionEvent::Closed(_)));
        prop_assert_eq!(closed.count(), 1);
        prop_assert!(matches!(run.events.last(), Some(SessionEvent::Closed(_))));
        if !run.events.contains(&SessionEvent::Open) && !input.starts_with(b"HEAD") {
            response_or_nothing(&run.out);
        }
    }

    /// The same for arbitrary bytes.
    #[test]
    fn no_bytes_confuse_a_server(input in prop::collection::vec(any::<u8>(), 0..100)) {
        let run = at_every_cut(&input, |pieces| serve(&Config::default(), pieces, accept));
        prop_assert!(matches!(run.events.last(), Some(SessionEvent::Closed(_))));
        response_or_nothing(&run.out);
    }

    /// A head that passes the finder either parses or is an error, without a session.
    #[test]
    fn no_bytes_confuse_the_parser(input in any_input()) {
        if let Ok(request) = Request::parse(&input) {
            prop_assert!(request.path().starts_with('/') || request.path() == "*");
            prop_assert!(request.headers().get("Host").is_some() || request.version_minor() == 0);
            if request.check_upgrade().is_ok() {
                let mut out = Vec::new();
                prop_assert_eq!(Accept::new().encode(&request, &mut out), Ok(()));
                prop_assert_eq!(Answer::parse(&out).status, 101);
            }
        }
    }

    /// A52: an accepted field stays one field.
    #[test]
    fn a_header_never_lets_a_line_break_through(
        name in "(\\PC|[\r\n\0 :-]){0,6}",
        value in "(\\PC|[\r\n\0\t :-]){0,12}",
    ) {
        let mut headers = Headers::new();
        match headers.push(&name, &value) {
            Ok(()) => {
                prop_assert!(!name.is_empty());
                let fields: Vec<_> = headers.iter().collect();
                let trimmed = value.trim_matches([' ', '\t']).as_bytes();
                prop_assert_eq!(fields, [(name.as_str(), trimmed)]);
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':'));
                prop_assert!(value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)));
                let response = Response::new(404).header(&name, &value).unwrap();
                let answer = Answer::parse(&encoded(&response));
                prop_assert!(answer.all(&name).len() == 1 && answer.fields.len() <= 3);
            }
            Err(InvalidHeader::Name(shown)) => {
                prop_assert!(name.starts_with(&shown));
                prop_assert!(headers.is_empty());
            }
            Err(InvalidHeader::Value(field)) => {
                prop_assert!(value.bytes().any(|byte| !matches!(byte, b'\t' | b' '..=b'~' | 0x80..)));
                prop_assert_eq!(field, name);
                prop_assert!(headers.is_empty());
            }
        }
    }
}
