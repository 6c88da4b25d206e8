//! Responses that refuse: their status, their head, and the end of their body.

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{Response, ResponseError};
use wsproto::{Config, Session};

use crate::handshake_support::*;
use crate::support::{assert_failed, failed, good, plain};

/// R6455-4.1-25: any status but 101 is the server's response, with headers and body.
#[test]
fn a_refusal_is_reported_with_its_body() {
    for status in [200, 204, 301, 304, 400, 401, 403, 404, 407, 426, 500, 503, 999] {
        let head = Head::new(
            &format!("HTTP/1.1 {status} Whatever"),
            &[("Content-Length", "5"), ("X-Why", "because"), ("Location", "/")],
        );
        let run = assert_failed(&plain(), &head.then(b"hello"), ResponseError::Status(status));
        assert_eq!(run.transport, Advice::Drop, "known before the transport ends");
        let response = run.response.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().get("x-why"), Some("because"));
        let body = if matches!(status, 204 | 304) { &b""[..] } else { b"hello" };
        assert_eq!(response.body_bytes(), body);
    }
}

/// R6455-4.4-2: a client refused for its version learns the supported ones.
#[test]
fn a_refused_version_shows_the_supported_ones() {
    let head = Head::new(
        "HTTP/1.1 426 Upgrade Required",
        &[
            ("Sec-WebSocket-Version", "13"),
            ("Content-Length", "0"),
            ("Sec-WebSocket-Version", "8, 7"),
        ],
    );
    let run = assert_failed(&plain(), &head.bytes(), ResponseError::Status(426));
    let response = run.response.unwrap();
    let versions: Vec<_> = response.headers().get_all("Sec-WebSocket-Version").collect();
    assert_eq!(versions, ["13", "8, 7"]);
}

/// A case of a refusal's body: the header fields; the bytes after the head; the content kept; and
/// whether the end is known before the transport ends.
type Refusal = (&'static [(&'static str, &'static str)], &'static [u8], &'static [u8], bool);

const CHUNKED: &[(&str, &str)] = &[("Transfer-Encoding", "chunked")];
const END: bool = true;
const GOES_ON: bool = false;

#[track_caller]
fn assert_bodies(line: &str, status: u16, cases: &[Refusal]) {
    let mut config = Config::default();
    config.max_body_size = 8;
    for (fields, follows, kept, known) in cases {
        let input = Head::new(line, fields).then(follows);
        let shown = format!("{fields:?} {}", follows.escape_ascii());
        let run = at_every_cut(&input, |pieces| connect(&config, &plain(), pieces));
        let events = [failed(ResponseError::Status(status)), abnormal_end(Initiator::Remote)];
        assert_eq!(run.events, events, "{shown}");
        assert_eq!(run.response.unwrap().body_bytes(), *kept, "{shown}");
        assert_eq!(run.transport == Advice::Drop, *known, "{shown}");
        // Known at the very last byte, not before and not after.
        if *known && kept.len() < 8 {
            let mut enough = (0..=input.len()).filter(|len| {
                let run = connect(&config, &plain(), &[&input[..*len]]);
                run.transport == Advice::Drop
            });
            let first = enough.next().expect("it is known");
            assert!(input[first..].is_empty() || input[first..].starts_with(b"MORE"), "{shown}");
        }
    }
}

/// R6455-4.1-25, A54: the length of a refusal's body (RFC 9112 section 6.3), and the content kept.
// L7
#[test]
fn the_body_of_a_refusal_ends_where_its_head_says() {
    assert_bodies(
        "HTTP/1.1 404 Not Found",
        404,
        &[
            (&[("Content-Length", "5")], b"hello", b"hello", END),
            (&[("content-length", "5")], b"helloMORE", b"hello", END),
            (&[("Content-Length", "5")], b"hel", b"hel", GOES_ON),
            (&[("Content-Length", "5")], b"", b"", GOES_ON),
            (&[("Content-Length", "0")], b"MORE", b"", END),
            (&[("Content-Length", "007")], b"7 bytesMORE", b"7 bytes", END),
            (&[("Content-Length", "3, 3")], b"abcMORE", b"abc", END),
            (&[("Content-Length", "3,03 ,, 3,")], b"abcMORE", b"abc", END),
            (&[("Content-Length", "3"), ("Content-Length", "3")], b"abcMORE", b"abc", END),
            (&[("Content-Length", "0"), ("content-length", "00, 0")], b"MORE", b"", END),
            (&[("Content-Length", "8")], b"12345678", b"12345678", END),
            (&[("Content-Length", "9")], b"123456789", b"12345678", END),
            (&[("Content-Length", "99999999999999999999999")], b"123", b"123", GOES_ON),
            (&[], b"hello", b"hello", GOES_ON),
            (&[], b"", b"", GOES_ON),
            (&[], b"12345678 and so on without end", b"12345678", END),
            (&[("Transfer-Encoding", "gzip")], b"hello", b"hello", GOES_ON),
            (&[("Transfer-Encoding", "")], b"hello", b"hello", GOES_ON),
            (&[("Transfer-Encoding", "chunked, gzip")], b"0\r\n\r\n", b"0\r\n\r\n", GOES_ON),
            (
                &[("Transfer-Encoding", "gzip"), ("Content-Length", "2")],
                b"hello",
                b"hello",
                GOES_ON,
            ),
        ],
    );
}

/// RFC 9112 section 7.1. The content excludes the sizes, the extensions and the trailers.
// L7
#[test]
fn a_chunked_body_is_decoded() {
    assert_bodies(
        "HTTP/1.1 403 Forbidden",
        403,
        &[
            (CHUNKED, b"0\r\n\r\nMORE", b"", END),
            (CHUNKED, b"5\r\nhello\r\n0\r\n\r\nMORE", b"hello", END),
            (CHUNKED, b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\nMORE", b"hello", END),
            (CHUNKED, b"0005\r\nhello\r\n000\r\n\r\nMORE", b"hello", END),
            (CHUNKED, b"5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\nMORE", b"hello", END),
            (CHUNKED, b"5 ; a\r\nhello\r\n0 \t\r\n\r\nMORE", b"hello", END),
            (CHUNKED, b"5\r\nhello\r\n0\r\nX: y\r\nZ: \xff\r\n\r\nMORE", b"hello", END),
            (CHUNKED, b"5\r\nhello\r\n0\r\n", b"hello", GOES_ON),
            (CHUNKED, b"5\r\nhel", b"hel", GOES_ON),
            (CHUNKED, b"", b"", GOES_ON),
            (CHUNKED, b"a\r\n0123456789\r\n0\r\n\r\n", b"01234567", END),
            (CHUNKED, b"A\r\n0123456789\r\n0\r\n\r\n", b"01234567", END),
            (CHUNKED, b"8\r\n01234567", b"01234567", END),
            (CHUNKED, b"FFFFFFFFFFFFFFFF\r\n0123456789", b"01234567", END),
            (&[("Transfer-Encoding", "Chunked")], b"1\r\nx\r\n0\r\n\r\nMORE", b"x", END),
            (&[("Transfer-Encoding", "gzip, chunked,")], b"1\r\nx\r\n0\r\n\r\nMORE", b"x", END),
            (
                &[("Transfer-Encoding", "gzip"), ("transfer-encoding", "chunked")],
                b"1\r\nx\r\n0\r\n\r\nMORE",
                b"x",
                END,
            ),
            // Section 6.3: Transfer-Encoding overrides Content-Length.
            (
                &[("Content-Length", "1"), ("Transfer-Encoding", "chunked")],
                b"2\r\nhi\r\n0\r\n\r\nMORE",
                b"hi",
                END,
            ),
            (
                &[("Content-Length", "nonsense"), ("Transfer-Encoding", "chunked")],
                b"2\r\nhi\r\n0\r\n\r\nMORE",
                b"hi",
                END,
            ),
        ],
    );
    // Section 6.1: HTTP/1.0 has no chunked coding.
    let follows = b"0\r\n\r\n";
    assert_bodies("HTTP/1.0 403 Forbidden", 403, &[(CHUNKED, follows, follows, GOES_ON)]);
    let framing: &[(&str, &str)] = &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")];
    for (line, status) in [("HTTP/1.1 204 No Content", 204), ("HTTP/1.1 304 Not Modified", 304)] {
        assert_bodies(line, status, &[(framing, b"MORE", b"", END), (&[], b"MORE", b"", END)]);
    }
}

/// RFC 9112 section 6.3: an invalid length ends the wait.
// L7
#[test]
fn an_invalid_length_is_an_error_at_once() {
    for lengths in [
        &["3", "4"][..],
        &["3, 4"],
        &["3", "x"],
        &[""],
        &[","],
        &["-1"],
        &["+3"],
        &["3 3"],
        &["0x3"],
        &["3.0"],
        &["3;3"],
    ] {
        let head = lengths.iter().fold(Head::new("HTTP/1.1 403 Forbidden", &[]), |head, length| {
            head.with("Content-Length", length)
        });
        let run = assert_failed(&plain(), &head.bytes(), ResponseError::ContentLength(403));
        assert_eq!(run.transport, Advice::Drop, "{lengths:?}");
        assert_eq!(run.response.map(|response| response.status()), Some(403));
    }
}

/// RFC 9112 section 7.1
// L7
#[test]
fn a_malformed_chunk_is_an_error_at_once() {
    for (follows, kept) in [
        (&b"\r\n"[..], &b""[..]),
        (b"x", b""),
        (b"-1\r\n", b""),
        (b"+1\r\n", b""),
        (b"0x1\r\n", b""),
        (b" 1\r\n", b""),
        (b";a\r\n", b""),
        (b"1\nx", b""),
        (b"1\rx", b""),
        (b"1;a\nx", b""),
        (b"1;\0", b""),
        (b"1\r\nxy", b"x"),
        (b"1\r\nx\n", b"x"),
        (b"1\r\nx\rx", b"x"),
        (b"00000000000000001\r\n", b""),
        (b"0\r\n\n", b""),
        (b"0\r\n folded", b""),
        (b"0\r\nX: y\n", b""),
        (b"0\r\nX: y\r\n\rx", b""),
    ] {
        let input = Head::new("HTTP/1.1 403 Forbidden", CHUNKED).then(follows);
        let run = assert_failed(&plain(), &input, ResponseError::Chunk(403));
        assert_eq!(run.transport, Advice::Drop, "{}", follows.escape_ascii());
        assert_eq!(run.response.unwrap().body_bytes(), kept, "{}", follows.escape_ascii());
    }
}

/// A54: the bytes skipped between chunks are bounded, too.
// L7
#[test]
fn endless_extensions_and_trailers_are_cut_off() {
    let long = "x".repeat(1 << 20);
    let many = "X: y\r\n".repeat(1 << 16);
    let chunks = format!("1;{}\r\nx\r\n", "e".repeat(1000)).repeat(1000);
    for follows in [format!("1;{long}"), format!("0\r\n{long}"), format!("0\r\n{many}"), chunks] {
        let input = Head::new("HTTP/1.1 403 Forbidden", CHUNKED).then(follows.as_bytes());
        let run = connect(&Config::default(), &plain(), &[&input]);
        assert_eq!(run.events[0], failed(ResponseError::Chunk(403)));
        assert_eq!(run.transport, Advice::Drop);
    }
}

/// A redirect is followed once its head is complete, whatever its body does.
// L8
#[test]
fn the_response_is_available_with_its_head() {
    for fields in [CHUNKED, &[("Content-Length", "5")], &[]] {
        let head = Head::new("HTTP/1.1 302 Found", fields).with("Location", "/elsewhere").bytes();
        let mut out = Vec::new();
        let mut session = Session::client(plain(), Config::default(), SEED, NOW, &mut out);
        assert_eq!(session.response(), None);
        for byte in &head[..head.len() - 1] {
            assert_eq!(session.next_event(NOW, &mut &mut [*byte][..], &mut out), None);
            assert_eq!(session.response(), None);
        }
        assert_eq!(session.next_event(NOW, &mut &mut b"\n".to_vec()[..], &mut out), None);
        let response = session.response().expect("a response");
        let next = plain().redirected(response).expect("a redirect");
        assert_eq!(next.url().resource_name(), "/elsewhere");

        session.end_of_input(&mut out);
        assert_eq!(session.response().map(Response::status), Some(302));
        assert_eq!(session.take_response().map(|response| response.status()), Some(302));
        assert_eq!(session.response(), None);
    }
    let mut out = Vec::new();
    let mut session = Session::client(plain(), Config::default(), SEED, NOW, &mut out);
    session.next_event(NOW, &mut &mut good().bytes()[..], &mut out);
    assert_eq!(session.response().map(Response::status), Some(101));
}

/// A54: an endless refusal is cut off, even by default.
#[test]
fn an_endless_body_is_bounded() {
    let input = Head::new("HTTP/1.1 200 OK", &[]).then(&vec![b'x'; 1 << 20]);
    let run = connect(&Config::default(), &plain(), &[&input]);
    assert_eq!(run.events[0], failed(ResponseError::Status(200)));
    assert_eq!(run.response.unwrap().body_bytes().len(), Config::default().max_body_size);

    let mut config = Config::default();
    config.max_body_size = 0;
    let run = connect(&config, &plain(), &[&input]);
    assert_eq!(run.events[0], failed(ResponseError::Status(200)));
    assert_eq!(run.response.unwrap().body_bytes(), b"");
}
