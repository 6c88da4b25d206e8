//! Requests of HTTP/1 from their parts: the same as parsed ones.

use proptest::prelude::*;
use wsproto::handshake::{Request, RequestError, Response, ResponseError};

use crate::handshake_support::Head;

/// The results of parsing a head, and of its parts as another parser hands them over; `None` if that
/// refuses it.
fn both(head: &[u8]) -> Option<[Result<Request, RequestError>; 2]> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut fields);
    if !matches!(request.parse(head), Ok(httparse::Status::Complete(len)) if len == head.len()) {
        return None;
    }
    let (method, target, minor) = (request.method?, request.path?, request.version?);
    let fields = request.headers.iter().map(|field| (field.name, field.value));
    Some([Request::parse(head), Request::from_parts(method, target, minor, fields)])
}

/// Without a finder, a head that it would refuse is malformed: two parsers must not disagree about the end of
/// a line.
#[test]
fn a_head_that_no_finder_lets_through_is_malformed() {
    let parse = |head: &[u8]| (Request::parse(head).err(), Response::parse(head).err());
    for end in ["\n", "\r", "\r\r\n", "\0\r\n", "\x0B\r\n", "\x7F\r\n", "\r\n "] {
        let fields = ["Host: a", "X: b"].join(end);
        let (request, _) = parse(format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes());
        assert_eq!(request, Some(RequestError::Malformed), "{end:?}");
        for head in [
            format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"),
            format!("HTTP/1.1 200 OK{end}X: a\r\n\r\n"),
        ] {
            let (_, response) = parse(head.as_bytes());
            assert_eq!(response, Some(ResponseError::Malformed), "{head:?}");
        }
    }
}

/// R6455-4.2.1-1: the checks do not depend on the parser of a request.
#[test]
fn a_request_from_its_parts_is_the_parsed_one() {
    let good = Head::request;
    for head in [
        good(),
        good().first_line("GET http://h/chat?x=1 HTTP/1.1"),
        good().first_line("GET /chat HTTP/1.0"),
        good().first_line("POST /chat HTTP/1.1"),
        good().first_line("CONNECT h:1 HTTP/1.1"),
        good().first_line("GET chat HTTP/1.1"),
        good().first_line("GET /a#b HTTP/1.1"),
        good().first_line("OPTIONS * HTTP/1.1").without("Upgrade"),
        good().without("Host"),
        good().with("Host", "b"),
        good().set("Host", "a/b"),
        good().without("Upgrade"),
        good().without("Connection"),
        good().set("Sec-WebSocket-Version", "8"),
        good().set("Sec-WebSocket-Key", "short"),
        good().with("Sec-WebSocket-Protocol", "a b"),
        good().with("Sec-WebSocket-Protocol", "\u{e9}"),
        good().with("Sec-WebSocket-Extensions", "a;;"),
        good().with("Content-Length", "5"),
        good().with("Transfer-Encoding", "chunked"),
        good().with("X", "\u{e9}"),
    ] {
        let [parsed, made] = both(&head.bytes()).expect("httparse reads it");
        assert_eq!(made, parsed, "{head:?}");
        let verdict = |request: Result<Request, _>| request.and_then(|r| r.check_upgrade());
        assert_eq!(verdict(made), verdict(parsed), "{head:?}");
    }
}

/// Fields that no parser should hand over are refused as well.
#[test]
fn parts_that_are_no_http_are_refused() {
    let fields = [("host", "a")];
    for (method, target, error) in [
        ("", "/", RequestError::Malformed),
        ("GE T", "/", RequestError::Malformed),
        ("GET", "", RequestError::Malformed),
        ("GET", "/a b", RequestError::Target),
        ("GET", "/\r\nx: y", RequestError::Target),
        ("GET", "/caf\u{e9}", RequestError::Target),
        ("CONNECT", "a:443", RequestError::Method),
    ] {
        assert_eq!(Request::from_parts(method, target, 1, fields), Err(error), "{method} {target}");
    }
    for (name, value) in [("", "a"), ("a b", "a"), ("a:", "a"), ("a", "b\r\nc: d"), ("a", "\0")] {
        let fields = [("host", "a"), (name, value)];
        let made = Request::from_parts("GET", "/", 1, fields);
        assert_eq!(made, Err(RequestError::Malformed), "{name}: {value}");
    }
    let none: [(&str, &str); 0] = [];
    assert_eq!(Request::from_parts("GET", "/", 1, none), Err(RequestError::Host));
}

/// Lines of heads, right and wrong.
fn head() -> impl Strategy<Value = Vec<u8>> {
    let lines = [
        "Host: a\r\n",
        "Host: a:1\r\n",
        "Upgrade: websocket\r\n",
        "Connection: keep-alive, Upgrade\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Version: 8\r\n",
        "Sec-WebSocket-Protocol: a, b\r\n",
        "Sec-WebSocket-Extensions: a; b=\"c\"\r\n",
        "Origin: \u{e9}\r\n",
        "Content-Length: 0\r\n",
        "X: \u{e9} \r\n",
    ];
    let first = ["GET /chat HTTP/1.1\r\n", "GET http://h?x HTTP/1.1\r\n", "HEAD / HTTP/1.0\r\n"];
    let lines = prop::collection::vec(prop::sample::select(lines.to_vec()), 0..10);
    (prop::sample::select(first.to_vec()), lines)
        .prop_map(|(first, lines)| format!("{first}{}\r\n", lines.concat()).into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The same for every combination of lines.
    #[test]
    fn every_request_from_its_parts_is_the_parsed_one(head in head()) {
        let [parsed, made] = both(&head).expect("httparse reads it");
        prop_assert_eq!(made, parsed);
    }

    /// An independent parser finds the same fields in whatever is accepted, wherever one byte is wrong.
    #[test]
    fn another_parser_reads_the_same_fields(head in head(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut head = head;
        let place = at.index(head.len());
        head[place] = byte;
        if let Ok(request) = Request::parse(&head) {
            let line = head.windows(2).position(|two| two == b"\r\n").expect("a first line") + 2;
            let mut fields = [httparse::EMPTY_HEADER; 32];
            let read = httparse::parse_headers(&head[line..], &mut fields);
            let Ok(httparse::Status::Complete((_, fields))) = read else {
                return Err(TestCaseError::fail(format!("{read:?}")));
            };
            let fields: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
            prop_assert_eq!(request.headers().iter().collect::<Vec<_>>(), fields);
            prop_assert_eq!(request.headers().len(), request.headers().iter().count());
        }
    }
}
