//! The request: its fields, its key, and the additions of the application.

use wsproto::closing::Advice;
use wsproto::handshake::{ClientRequest, Extension, InvalidHeader, OfferError};
use wsproto::{Config, ReadyState, SendError, Session, SessionEvent};

use crate::handshake_support::*;
use crate::support::{good, plain, to};

/// R6455-4.1-10, R6455-4.1-11, R6455-4.1-12, R6455-4.1-13, R6455-4.1-14, R6455-4.1-15,
/// R6455-4.1-19, R6455-3-3, R6455-3-4, R6455-3-8
#[test]
fn the_request_names_the_resource_and_the_host() {
    for (url, target, host) in [
        ("ws://h", "/", "h"),
        ("ws://h:80/chat?a=b", "/chat?a=b", "h"),
        ("wss://h:443/", "/", "h"),
        ("ws://h:443/", "/", "h:443"),
        ("wss://h:80/", "/", "h:80"),
        ("https://Example.COM:8443?x", "/?x", "example.com:8443"),
        ("ws://[::1]/é", "/%C3%A9", "[::1]"),
        ("wss://[2001:DB8::1]:9/", "/", "[2001:db8::1]:9"),
        ("ws://192.0.2.1:65535/a//b/%23?", "/a//b/%23", "192.0.2.1:65535"),
    ] {
        let mut out = Vec::new();
        to(url).encode([0; 16], &mut out);
        let sent = SentRequest::parse(&out);
        assert_eq!(sent.method, "GET", "{url}");
        assert_eq!(sent.target, target, "{url}");
        assert_eq!(sent.only("Host"), host, "{url}");
        assert_eq!(sent.only("Upgrade"), "websocket");
        assert_eq!(sent.only("Connection"), "Upgrade");
        assert_eq!(sent.only("Sec-WebSocket-Version"), "13");
        assert_eq!(sent.only("Sec-WebSocket-Key"), "AAAAAAAAAAAAAAAAAAAAAA==");
        // R6455-4.1-18: Origin only if one is given; no other header either.
        assert_eq!(sent.fields.len(), 5, "{:?}", sent.fields);
    }
}

/// R6455-4.1-18, R6455-4.1-20, R6455-4.1-22, R6455-4.1-23
#[test]
fn the_request_carries_the_application_additions() {
    let extension = Extension::new("foo").and_then(|foo| foo.param("a", Some("1"))).unwrap();
    let request = plain()
        .subprotocol("chat.v2")
        .and_then(|request| request.subprotocol("chat.v1"))
        .and_then(|request| request.origin("https://example.com"))
        .and_then(|request| request.header("Cookie", "a=1; b=2"))
        .and_then(|request| request.header("Authorization", "Basic QTpC"))
        .and_then(|request| request.header("X-Twice", "1"))
        .and_then(|request| request.header("x-twice", "\t2 "))
        .and_then(|request| request.extension(extension))
        .unwrap();
    assert_eq!(request.url().host(), "server.example.com");
    let mut out = Vec::new();
    request.encode([0; 16], &mut out);
    let sent = SentRequest::parse(&out);
    assert_eq!(sent.only("Sec-WebSocket-Protocol"), "chat.v2, chat.v1");
    assert_eq!(sent.only("Origin"), "https://example.com");
    assert_eq!(sent.only("Cookie"), "a=1; b=2");
    assert_eq!(sent.only("Authorization"), "Basic QTpC");
    assert_eq!(sent.all("X-Twice"), ["1", "2"]);
    assert_eq!(sent.only("Sec-WebSocket-Extensions"), "foo; a=1");
    assert_eq!(sent.fields.len(), 5 + 7);
}

/// R6455-4.1-16, section F, erratum 3150
#[test]
fn the_key_is_the_nonce_in_canonical_base64() {
    let mut out = Vec::new();
    plain().encode(core::array::from_fn(|index| index as u8 + 1), &mut out);
    let sent = SentRequest::parse(&out);
    assert_eq!(sent.only("Sec-WebSocket-Key"), "AQIDBAUGBwgJCgsMDQ4PEA==");
}

/// R6455-4.1-17, promise I8: the key depends only on the seed.
#[test]
fn two_seeds_give_different_keys() {
    let sent = |seed: u8| {
        let mut out = Vec::new();
        let _session = Session::client(plain(), Config::default(), [seed; 32], NOW, &mut out);
        out
    };
    let key = |out: &[u8]| SentRequest::parse(out).only("Sec-WebSocket-Key").to_owned();
    let mut keys: Vec<_> = (0..=u8::MAX).map(|seed| key(&sent(seed))).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 256);
    assert_eq!(sent(1), sent(1));
}

/// R6455-4.1-24: nothing can be sent before the response.
#[test]
fn nothing_is_sent_before_the_response() {
    let mut out = Vec::new();
    let mut session = Session::client(plain(), Config::default(), SEED, NOW, &mut out);
    let written = out.len();
    let input = good().bytes();
    for byte in &input[..input.len() - 1] {
        assert_eq!(session.ready_state(), ReadyState::Connecting);
        assert_eq!(session.sender().err(), Some(SendError::NotOpen));
        assert_eq!(session.advice(), Advice::KeepOpen);
        assert_eq!(session.next_event(NOW, &mut &mut [*byte][..], &mut out), None);
    }
    assert_eq!(out.len(), written);
    let mut last = [b'\n'];
    let event = session.next_event(NOW, &mut &mut last[..], &mut out);
    assert_eq!(event, Some(SessionEvent::Open));
    assert_eq!(session.ready_state(), ReadyState::Open);
    assert!(session.sender().is_ok());
}

/// R6455-4.1-20, R6455-4.1-21, A52
#[test]
fn a_subprotocol_must_be_a_token_and_offered_once() {
    let separators = "()<>@,;:\\\"/[]?={} \t";
    let controls = ["", "\r\n", "\0", "\x7F", "é"];
    let wrong = separators.chars().map(String::from).chain(controls.map(str::to_owned));
    for wrong in wrong.flat_map(|wrong| [format!("a{wrong}b"), wrong]) {
        if wrong == "ab" {
            continue; // Surrounding white space is removed.
        }
        let error = OfferError::InvalidSubprotocol(wrong.clone());
        assert_eq!(plain().subprotocol(&wrong), Err(error));
    }
    let all: String = ('!'..='~').filter(|character| !separators.contains(*character)).collect();
    let once = plain().subprotocol(&all).and_then(|request| request.subprotocol("chat")).unwrap();
    for again in ["chat", "Chat", &all] {
        let error = OfferError::DuplicateSubprotocol(again.chars().take(20).collect());
        assert_eq!(once.clone().subprotocol(again), Err(error));
    }
}

/// R6455-4.1-23, A52
#[test]
fn headers_of_the_application_are_checked() {
    for name in [
        "Host",
        "UPGRADE",
        "connection",
        "Origin",
        "Sec-WebSocket-Key",
        "sec-websocket-version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Accept",
        "Content-Length",
        "Transfer-Encoding",
    ] {
        let error = OfferError::ReservedHeader(name.to_owned());
        assert_eq!(plain().header(name, "x"), Err(error));
    }
    for (name, shown) in [
        ("", ""),
        ("a b", "a "),
        ("a:", "a:"),
        ("a\r\nb", "a\r"),
        ("a\0", "a\0"),
        ("é", "é"),
        ("(a)", "("),
        ("Host ", "Host "),
        ("Host\t", "Host\t"),
    ] {
        let error = InvalidHeader::Name(shown.to_owned());
        assert_eq!(plain().header(name, "x"), Err(OfferError::InvalidHeader(error)));
    }
    for value in ["a\r\nX: b", "a\r", "\nb", "a\0b", "\x7F"] {
        let error = InvalidHeader::Value("X".to_owned());
        assert_eq!(plain().header("X", value), Err(OfferError::InvalidHeader(error)));
    }
}

/// RFC 6265 section 4.1.1: the characters of a cookie. R6455-4.1-23, A52
#[test]
fn cookies_are_checked_and_sent_in_one_header() {
    let value: String = ('!'..='~').filter(|character| !"\",;\\".contains(*character)).collect();
    let request = plain()
        .cookie("session", &value)
        .and_then(|request| request.cookie("empty", ""))
        .and_then(|request| request.cookie("a!#$%&'*+-.^_`|~1", "b=c"))
        .expect("cookies");
    let mut out = Vec::new();
    request.encode([0; 16], &mut out);
    let sent = SentRequest::parse(&out);
    assert_eq!(sent.only("Cookie"), format!("session={value}; empty=; a!#$%&'*+-.^_`|~1=b=c"));

    for (name, shown) in [
        ("", ""),
        ("a b", "a "),
        ("a=b", "a="),
        ("a;", "a;"),
        ("a\r\nb", "a\r"),
        ("\0", "\0"),
        ("é", "é"),
    ] {
        assert_eq!(plain().cookie(name, "x"), Err(OfferError::InvalidCookie(shown.to_owned())));
    }
    for value in
        ["a b", "\"", ",", ";", "\\", "a\r\nX: b", "\0", "\x7F", "\"a", "a\"", "\"\"\"", "\"a\"b"]
    {
        let error = OfferError::InvalidCookie("name".to_owned());
        assert_eq!(plain().cookie("name", value), Err(error), "{value:?}");
    }
}

/// RFC 6265 section 5.4: one header for cookies from all sources; section 4.1.1: quotes. H3: names
/// are ASCII, values need not be.
// H6, H7
#[test]
fn cookies_of_all_sources_share_one_header() {
    let cookie = |request: Result<ClientRequest, OfferError>| {
        let mut out = Vec::new();
        request.expect("a request").encode([0; 16], &mut out);
        let lines: Vec<_> = out.split(|byte| *byte == b'\n').collect();
        let mut cookies = lines.iter().filter_map(|line| line.strip_prefix(b"Cookie: "));
        let cookie = cookies.next().map(|value| value.escape_ascii().to_string());
        assert_eq!(cookies.next(), None);
        cookie.map(|value| value.trim_end_matches("\\r").to_owned())
    };
    let is = |request, value: &str| assert_eq!(cookie(request).as_deref(), Some(value));
    is(plain().cookie("a", "1").and_then(|r| r.header("Cookie", "b=2")), "a=1; b=2");
    is(plain().header("cookie", "b=2").and_then(|r| r.cookie("a", "1")), "b=2; a=1");
    is(
        plain().header("COOKIE", "b=2; c=3; ").and_then(|r| r.header("Cookie", " d=4;")),
        "b=2; c=3; d=4",
    );
    is(plain().cookie("a", "\"v\"").and_then(|r| r.cookie("b", "\"\"")), r#"a=\"v\"; b=\"\""#);
    is(plain().cookie("city", "M\u{fc}nchen"), "city=M\\xc3\\xbcnchen");
    is(plain().header("Cookie", b"city=M\xfcnchen"), "city=M\\xfcnchen");
    assert_eq!(cookie(plain().header("Cookie", " ; ")), None);
    let wrong = plain().header("Cookie", "a=secret\r\nX: y");
    let error = InvalidHeader::Value("Cookie".into());
    assert_eq!(wrong, Err(OfferError::InvalidHeader(error)));
}

/// R6455-4.1-18, A52
#[test]
fn an_origin_is_checked() {
    for origin in ["", "a b", "https://a\r\nX: b", "https://a\n", "https://a\0", "https://é"] {
        let error = InvalidHeader::Value("Origin".to_owned());
        assert_eq!(plain().origin(origin), Err(OfferError::InvalidHeader(error)));
    }
    for origin in ["null", "https://example.com:8443", "moz-extension://1234"] {
        assert!(plain().origin(origin).is_ok());
    }
}

/// R6455-9.1-4: an extension that the engine does not support is not offered.
#[test]
fn an_extension_that_owns_a_reserved_bit_cannot_be_offered() {
    for name in ["permessage-deflate", "Permessage-Deflate"] {
        let error = OfferError::Extension(name.to_owned());
        assert_eq!(plain().extension(Extension::new(name).unwrap()), Err(error));
    }
}
