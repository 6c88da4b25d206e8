//! The bytes of a request's head: invalid ones, opaque ones, an empty line, and other protocols.

use wsproto::closing::Initiator;
use wsproto::handshake::{Accept, HeadError, RequestError};
use wsproto::{Config, Event, SessionEvent};

use crate::handshake_support::*;
use crate::support::{assert_refused, refused};

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
