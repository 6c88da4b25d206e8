//! The bytes of a response's head: invalid ones, opaque ones, and other protocols.

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{HeadError, ResponseError};
use wsproto::{Config, SessionEvent};

use crate::handshake_support::*;
use crate::support::{assert_failed, failed, good, plain, why_failed};

/// R6455-4.1-31: another protocol is recognised at its first wrong byte.
// T6
#[test]
fn a_response_that_is_not_http_fails_the_connection() {
    for input in [
        &b"SSH-2.0-OpenSSH_9.9\r\n"[..],
        b"S",
        b"ICY 200 OK\r\n\r\n",
        b"hello",
        b"HTTQ",
        b"HTTP 200",
        b"http/1.1 101",
        b" HTTP/1.1 101",
        b"\r\nHTTP/1.1 101 x\r\n\r\n",
        b"\n",
        b"\0",
        b"+OK POP3\r\n",
        b"220 smtp\r\n",
        b"\x81\x05Hello",
        b"\xff",
        b"HTTP/1.1 100 Continue\r\n\r\nSSH",
    ] {
        let run = at_every_cut(input, |pieces| {
            let run = connect(&Config::default(), &plain(), pieces);
            assert_eq!(run.transport, Advice::Drop, "before the transport ends");
            run
        });
        assert_eq!(run.events[0], failed(ResponseError::NotHttp), "{}", input.escape_ascii());
        assert_eq!(run.response, None);
    }
    assert_eq!(ResponseError::NotHttp.to_string(), "the peer does not speak HTTP");
}

/// A TLS server refuses a plain request with an alert.
// T6
#[test]
fn a_response_in_tls_is_recognised() {
    let words = why_failed(&plain(), b"\x15\x03\x01\0\x02\x02\x46");
    assert_eq!(words, "malformed response: this is TLS, where plain HTTP is expected");
}

/// R6455-8.1-1, A45: a byte that is not allowed in a head is refused anywhere in it.
#[test]
fn a_bad_byte_anywhere_in_the_response_fails_the_connection() {
    let head = good().bytes();
    let bad = (0..=0x7F).filter(|byte| !matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~'));
    for byte in bad.chain([b'\r', b'\n']) {
        for at in 5..head.len() {
            let mut input = head.clone();
            input.insert(at, byte);
            if input.starts_with(&head) {
                continue; // After the head.
            }
            let run = connect(&Config::default(), &plain(), &[&input]);
            let error = failed(ResponseError::Head(HeadError::InvalidByte));
            assert_eq!(run.events, [error, abnormal_end(Initiator::Local)], "{byte} at {at}");
        }
    }
    for line in ["X: a\r\n b", "X: a\r\n\tb", "X: a\nY: b", "X: a\rY: b", " X: a"] {
        let input = format!("HTTP/1.1 101 Switching Protocols\r\n{line}\r\n\r\n");
        let error = ResponseError::Head(HeadError::InvalidByte);
        assert_failed(&plain(), input.as_bytes(), error);
    }
}

/// RFC 9110 section 5.5, RFC 9112 section 4: values and the reason phrase are opaque.
// H3
#[test]
fn non_ascii_bytes_are_allowed_in_parts_of_a_response() {
    let date = b"X-Date: lun. 1 ao\xc3\xbbt";
    let latin = b"X-Name: Fran\xe7ois \xff\x80";
    let head = good().first_line("HTTP/1.1 101 \u{c7}a va").bytes();
    let end = head.len() - 2;
    let input = [&head[..end], date, b"\r\n", latin, b"\r\n\r\n", HELLO].concat();
    let run = at_every_cut(&input, |pieces| connect(&Config::default(), &plain(), pieces));
    assert_eq!(run.events[0], SessionEvent::Open);
    let response = run.response.unwrap();
    let headers = response.headers();
    assert_eq!(headers.get("x-date"), Some("lun. 1 ao\u{fb}t"));
    assert_eq!(headers.get("x-name"), None, "not UTF-8");
    assert_eq!(headers.get_bytes("x-name"), Some(&b"Fran\xe7ois \xff\x80"[..]));

    for (name, value) in [
        ("Upgrade", "websocket, \u{e9}"),
        ("Connection", "Upgrade, \u{e9}"),
        ("Sec-WebSocket-Accept", "\u{e9}"),
        ("Sec-WebSocket-Protocol", "\u{e9}"),
        ("Sec-WebSocket-Extensions", "\u{e9}"),
        ("Content-Length", "\u{0663}"),
        ("Transfer-Encoding", "chunked\u{e9}"),
    ] {
        let head = good().with(&name.to_lowercase(), value);
        assert_failed(&plain(), &head.bytes(), ResponseError::NonAscii(name));
    }
    let head = good().with("X-\u{e9}", "name").bytes();
    assert_failed(&plain(), &head, ResponseError::Malformed);
}
