//! Responses as bytes: their status, their framing and their date.

use std::time::Duration;

use wsproto::handshake::{Accept, RequestError, Response, http_date};
use wsproto::{Config, Server, Session};

use crate::handshake_support::*;
use crate::support::encoded;

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

/// M8: the engine's own refusals have the fields of the configuration, the application's responses have not.
#[test]
fn refusals_have_the_fields_of_the_configuration() {
    type Decide = fn(&mut Session<Server>, &mut Vec<u8>);
    let cases: [(&[u8], Decide, u16, bool); 6] = [
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", |_, _| (), 400, true),
        (b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", |s, out| s.decline(NOW, out).unwrap(), 426, true),
        (&Head::request().bytes(), |s, out| s.decline(NOW, out).unwrap(), 403, true),
        (
            b"GET / HTTP/1.1\r\nHo",
            |s, out| s.handle_timeout(Duration::from_secs(10), out),
            408,
            true,
        ),
        (&Head::request().bytes(), |s, out| s.close(None, NOW, out).unwrap(), 503, true),
        (
            &Head::request().bytes(),
            |s, out| s.respond(&Response::text(402, "own\n"), NOW, out).unwrap(),
            402,
            false,
        ),
    ];
    let config = Config::new().refusal_header("Server", "a b").unwrap();
    let config = config.refusal_header("content-type", "text/html").unwrap();
    for (input, decide, status, has_field) in cases {
        let mut session = Session::server(config.clone(), NOW);
        let mut out = Vec::new();
        let _ = session.next_event(NOW, &mut &mut input.to_vec()[..], &mut out);
        decide(&mut session, &mut out);
        let head = String::from_utf8(out).unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(head.contains("\r\nServer: a b\r\n"), has_field, "{head}");
        assert_eq!(head.matches("ontent-").count(), 2, "a response keeps its own: {head}");
    }
}
