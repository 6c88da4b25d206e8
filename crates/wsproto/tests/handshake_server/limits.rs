//! The limits of a request's head, and long heads in many pieces.

use wsproto::handshake::{HeadError, HeadFinder, RequestError};
use wsproto::{Config, Event, SessionEvent};

use crate::handshake_support::*;
use crate::support::{assert_refused, refused};

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
