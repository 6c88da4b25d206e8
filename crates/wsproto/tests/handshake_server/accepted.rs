//! Requests that are accepted: their legal forms, the request as the application sees it, and the 101.

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{Request, accept_key};
use wsproto::{Config, Event, ReadyState, SendError, SessionEvent};

use crate::handshake_support::*;

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

/// RFC 9112 section 5: the space between colon and value is optional.
#[test]
fn values_need_no_space_before_them() {
    let input = String::from_utf8(Head::request().bytes()).unwrap().replace(": ", ":");
    let run = serve(&Config::default(), &[input.as_bytes()], accept);
    assert_eq!(run.answer().only("Sec-WebSocket-Accept"), ACCEPT);
}
