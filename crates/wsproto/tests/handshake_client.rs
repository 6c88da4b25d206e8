//! The client's opening handshake: the request it writes, and the response it reads (RFC 6455
//! section 4.1).

mod handshake_support;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use handshake_support::*;
use proptest::prelude::*;
use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{
    Accept, Agreed, ClientRequest, Extension, HeadError, InvalidHeader, OfferError, Response,
    ResponseError,
};
use wsproto::{
    Client, Config, Error, Event, ReadyState, SendError, Session, SessionError, SessionEvent,
    url::WsUrl,
};

fn to(url: &str) -> ClientRequest {
    ClientRequest::new(WsUrl::parse(url).expect("a valid URL"))
}

/// A request without any options.
fn plain() -> ClientRequest {
    to("ws://server.example.com/chat")
}

/// The response that accepts the client's key.
fn good() -> Head {
    Head::response(&expected_accept())
}

fn failed(error: ResponseError) -> SessionEvent<Event<'static>> {
    SessionEvent::Error(SessionError::Response(error))
}

/// Feeds a response that must be refused, at every cut.
#[track_caller]
fn assert_failed(request: &ClientRequest, input: &[u8], error: ResponseError) -> Run {
    let run = at_every_cut(input, |pieces| connect(&Config::default(), request, pieces));
    let shown = input.escape_ascii().to_string();
    let initiator = match &error {
        // A status is the server's refusal; any other error is ours.
        ResponseError::Status(_) => Initiator::Remote,
        _ => Initiator::Local,
    };
    assert_eq!(run.events, [failed(error), abnormal_end(initiator)], "{shown}");
    assert_eq!(run.out, b"", "nothing is sent to such a server");
    run
}

/// Feeds a response that must be accepted, at every cut, with a frame after it.
#[track_caller]
fn assert_opened(request: &ClientRequest, head: &Head) -> Run {
    let input = head.then(HELLO);
    let run = at_every_cut(&input, |pieces| connect(&Config::default(), request, pieces));
    let hello = SessionEvent::Received(Event::Text("Hello".into()));
    let shown = input.escape_ascii().to_string();
    assert_eq!(run.events, [SessionEvent::Open, hello, abnormal_end(Initiator::Remote)], "{shown}");
    assert_eq!(run.transport, Advice::KeepOpen);
    assert_eq!(run.out, b"");
    run
}

// The request

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

// Requests that are refused

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
        let error = OfferError::DuplicateSubprotocol(again.to_owned());
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

// Responses that open the connection

/// R6455-4.1-26, R6455-4.1-27, R6455-4.1-28, R6455-4.1-32, R6455-4.1-33, R6455-4.1-34, A50:
/// permitted variations of the response; frames in the same segment are delivered.
#[test]
fn every_legal_form_of_the_response_opens_the_connection() {
    let accept = expected_accept();
    let cases = [
        good(),
        good().reversed(),
        good().names(str::to_lowercase),
        good().names(str::to_uppercase),
        good().set("Upgrade", "WebSocket"),
        good().set("Connection", "keep-alive, Upgrade"),
        good().set("Connection", "UPGRADE"),
        good().with("Connection", "keep-alive").reversed(),
        good().set("Sec-WebSocket-Accept", &format!(" \t{accept}\t ")),
        good().with("Server", "x/1").with("Set-Cookie", "a").with("Set-Cookie", "b"),
        good().with("X-Empty", ""),
        good().with("Sec-WebSocket-Version", "13"),
        good().first_line("HTTP/1.1 101 "),
        good().first_line("HTTP/1.1 101"),
        good().first_line("HTTP/1.2 101 Switching Protocols"),
        good().first_line("HTTP/1.1 101 Web Socket Protocol Handshake"),
    ];
    for head in cases {
        let run = assert_opened(&plain(), &head);
        assert_eq!(run.subprotocol, None);
        assert_eq!(run.response.unwrap().status(), 101);
    }
}

/// R6455-4.1-34, A50: many frames, including those that end the connection.
#[test]
fn frames_after_the_response_are_delivered() {
    let input = good().then(&[HELLO, b"\x89\x00", HELLO, b"\x88\x02\x03\xE8"].concat());
    let run = at_every_cut(&input, |pieces| connect(&Config::default(), &plain(), pieces));
    let kinds: Vec<_> = run
        .events
        .iter()
        .map(|event| match event {
            SessionEvent::Open => "open",
            SessionEvent::Received(Event::Text(text)) if text == "Hello" => "hello",
            SessionEvent::Received(Event::Ping(_)) => "ping",
            SessionEvent::Received(Event::Close(Some(_))) => "close",
            SessionEvent::Closed(info) if info.was_clean => "closed",
            _ => "unexpected",
        })
        .collect();
    assert_eq!(kinds, ["open", "hello", "ping", "hello", "close", "closed"]);
    assert_eq!(run.out.len(), 6 + 8, "a Pong and a Close, both masked");
    assert_eq!(run.transport, Advice::AwaitEnd);
}

/// RFC 9112 section 6.3: a 101 has no body, whatever its headers say; frames follow it.
#[test]
fn the_response_that_opens_has_no_body() {
    assert_opened(&plain(), &good().with("Content-Length", "7"));
    assert_opened(&plain(), &good().with("Transfer-Encoding", "chunked"));
}

/// R6455-9.1-4: an offered extension is not in use unless it was accepted, and none that can be
/// offered owns a reserved bit.
#[test]
fn an_offer_alone_allows_no_reserved_bit() {
    let offer = plain().extension(Extension::new("foo").unwrap()).unwrap();
    for head in [good(), good().with("Sec-WebSocket-Extensions", "foo")] {
        let input = head.then(b"\xC1\x05Hello");
        let run = at_every_cut(&input, |pieces| connect(&Config::default(), &offer, pieces));
        let error = SessionEvent::Error(Error::ReservedBit.into());
        assert_eq!(run.events, [SessionEvent::Open, error, abnormal_end(Initiator::Local)]);
    }
}

/// RFC 9110 section 15.2: a client must be able to parse interim responses.
#[test]
fn interim_responses_are_skipped() {
    let interim = [
        Head::new("HTTP/1.1 100 Continue", &[]),
        Head::new("HTTP/1.1 102 Processing", &[("Sec-WebSocket-Accept", "wrong")]),
        Head::new("HTTP/1.1 103 Early Hints", &[("Link", "</a>"), ("Upgrade", "h2c")]),
        Head::new("HTTP/1.1 199 Unheard Of", &[("Content-Length", "5")]),
    ];
    let interim: Vec<u8> = interim.iter().flat_map(Head::bytes).collect();
    let input = [&interim[..], &good().then(HELLO)].concat();
    let run = at_every_cut(&input, |pieces| connect(&Config::default(), &plain(), pieces));
    let hello = SessionEvent::Received(Event::Text("Hello".into()));
    assert_eq!(run.events, [SessionEvent::Open, hello, abnormal_end(Initiator::Remote)]);
    let response = run.response.unwrap();
    assert_eq!((response.status(), response.headers().len()), (101, 3));

    let refusal = Head::new("HTTP/1.1 404 Not Found", &[("Content-Length", "0")]);
    assert_failed(&plain(), &[interim, refusal.bytes()].concat(), ResponseError::Status(404));
}

/// R6455-4.1-30, R6455-4.1-33, R7936-2-1
#[test]
fn the_selected_subprotocol_is_in_use() {
    let offer =
        plain().subprotocol("chat").and_then(|request| request.subprotocol("super")).unwrap();
    let head = good().with("Sec-WebSocket-Protocol", "super");
    assert_eq!(assert_opened(&offer, &head).subprotocol.as_deref(), Some("super"));
    let head = good().with("sec-websocket-protocol", " chat\t");
    assert_eq!(assert_opened(&offer, &head).subprotocol.as_deref(), Some("chat"));
}

/// R6455-4.1-35: unlike a browser, a client may go without the subprotocols it offered.
#[test]
fn a_server_need_not_select_a_subprotocol_unless_required() {
    let offer = plain().subprotocol("chat").unwrap();
    let offered = Box::new(["chat".to_owned()]);
    assert_failed(&offer, &good().bytes(), ResponseError::NoSubprotocol(offered));

    let mut config = Config::default();
    config.require_subprotocol = false;
    let run = at_every_cut(&good().bytes(), |pieces| connect(&config, &offer, pieces));
    assert_eq!(run.events, [SessionEvent::Open, abnormal_end(Initiator::Remote)]);
    assert_eq!(run.subprotocol, None);
}

/// R6455-9.1-2, R6455-11.3.2-1, erratum 3433: extensions on several lines equal those on one.
#[test]
fn the_selected_extensions_are_in_use() {
    let extension = |name: &str| Extension::new(name).unwrap();
    let offer = plain()
        .extension(extension("foo"))
        .and_then(|request| request.extension(extension("bar")))
        .unwrap();
    for head in [
        good().with("Sec-WebSocket-Extensions", "bar; a=\"1\", foo"),
        good().with("Sec-WebSocket-Extensions", "bar; a=1").with("sec-websocket-extensions", "foo"),
    ] {
        assert_opened(&offer, &head);
        let mut out = Vec::new();
        let mut session = Session::client(offer.clone(), Config::default(), SEED, NOW, &mut out);
        let mut answer = head.bytes();
        let event = session.next_event(NOW, &mut &mut answer[..], &mut out);
        assert_eq!(event, Some(SessionEvent::Open));
        let in_use: Vec<_> = session.extensions().iter().map(ToString::to_string).collect();
        assert_eq!(in_use, ["bar; a=1", "foo"]);
    }
    let run = assert_opened(&offer, &good());
    assert!(run.response.unwrap().headers().get("Sec-WebSocket-Extensions").is_none());
}

/// The engine's client and server understand each other.
#[test]
fn our_client_connects_to_our_server() {
    let request = to("wss://example.com:8443/chat?x=1")
        .subprotocol("a")
        .and_then(|request| request.subprotocol("b"))
        .and_then(|request| request.extension(Extension::new("foo").unwrap()))
        .and_then(|request| request.header("Cookie", "c=1"))
        .unwrap();
    let mut to_server = Vec::new();
    let mut client = Session::client(request, Config::default(), SEED, NOW, &mut to_server);
    let mut server = Session::server(Config::default(), NOW);
    let mut to_client = Vec::new();
    let event = server.next_event(NOW, &mut &mut to_server[..], &mut to_client);
    assert_eq!(event, Some(SessionEvent::Upgrade));
    let accept = Accept::new()
        .select_subprotocol(server.request().unwrap(), &["b"])
        .extension(Extension::new("foo").unwrap());
    server.accept(&accept, NOW, &mut to_client).unwrap();
    let event = client.next_event(NOW, &mut &mut to_client[..], &mut to_server);
    assert_eq!(event, Some(SessionEvent::Open));
    assert_eq!((client.subprotocol(), server.subprotocol()), (Some("b"), Some("b")));
    assert_eq!(client.extensions(), server.extensions());
    assert_eq!(client.extensions().len(), 1);
}

// Responses that fail the connection

/// R6455-4.1-26, R6455-4.1-27, R6455-4.1-28, R6455-4.1-29, R6455-4.1-30, R6455-4.1-31, R6455-4.3-1,
/// R6455-9.1-1, R6455-11.3.3-1, R6455-11.3.4-1, R7936-2-1, A51: one thing wrong at a time.
#[test]
fn a_response_that_breaks_a_rule_fails_the_connection() {
    use ResponseError as E;
    let accept = expected_accept();
    let with = |name: &str, value: &str| good().with(name, value);
    let line = |line: &str| good().first_line(line);
    let extensions = "Sec-WebSocket-Extensions";
    let cases = [
        // R6455-4.1-26.
        (E::Upgrade, good().without("Upgrade")),
        (E::Upgrade, good().set("Upgrade", "")),
        (E::Upgrade, good().set("Upgrade", "websocket2")),
        (E::Upgrade, good().set("Upgrade", "websocket, foo")),
        (E::Upgrade, good().set("Upgrade", "websocket/13")),
        (E::Upgrade, with("Upgrade", "websocket")),
        // R6455-4.1-27.
        (E::Connection, good().without("Connection")),
        (E::Connection, good().set("Connection", "close")),
        (E::Connection, good().set("Connection", "upgraded")),
        (E::Connection, good().set("Connection", "keep-alive Upgrade")),
        // R6455-4.1-28, R6455-11.3.3-1.
        (E::Accept, good().without("Sec-WebSocket-Accept")),
        (E::Accept, good().set("Sec-WebSocket-Accept", "")),
        (E::Accept, good().set("Sec-WebSocket-Accept", ACCEPT)),
        (E::Accept, good().set("Sec-WebSocket-Accept", &accept[..accept.len() - 1])),
        (E::Accept, good().set("Sec-WebSocket-Accept", &accept.to_lowercase())),
        (E::Accept, good().set("Sec-WebSocket-Accept", &accept.to_uppercase())),
        (E::Accept, good().set("Sec-WebSocket-Accept", &format!("{accept}, {accept}"))),
        (E::Accept, good().set("Sec-WebSocket-Accept", &format!("\"{accept}\""))),
        (E::Accept, with("Sec-WebSocket-Accept", &accept)),
        // R6455-9.1-1.
        (E::MalformedExtension("foo; a=\"\"".into()), with(extensions, "foo; a=\"\"")),
        (E::MalformedExtension("foo;".into()), with(extensions, "foo;")),
        // R6455-4.1-31.
        (E::HttpVersion, line("HTTP/1.0 101 Switching Protocols")),
        (E::HttpVersion, line("HTTP/2.0 101 Switching Protocols")),
        (E::Malformed, line("HTTP/1.10 101 Switching Protocols")),
        (E::Malformed, line("HTTP/1.1 001 Switching Protocols")),
        (E::Malformed, line("HTTP/1.1 1O1 Switching Protocols")),
        (E::Malformed, line("HTTP/1.1  101 Switching Protocols")),
        (E::Malformed, line("HTTP/1.1 1010 Switching Protocols")),
        (E::Malformed, line("HTTP/1.1 Switching Protocols")),
        (E::Malformed, good().names(|name| name.replace("Upgrade", "Up grade"))),
        (E::Malformed, good().names(|name| name.replace("Upgrade", "Upgrade "))),
        (E::Malformed, good().names(|name| name.replace("Upgrade", ""))),
    ];
    let offer = plain()
        .subprotocol("chat")
        .and_then(|request| request.subprotocol("super"))
        .and_then(|request| request.extension(Extension::new("foo").unwrap()))
        .unwrap();
    for (error, head) in cases {
        // A frame after it is ignored.
        let run = assert_failed(&offer, &head.then(HELLO), error.clone());
        assert_eq!(run.transport, Advice::Drop);
        let has_response = !matches!(error, E::HttpVersion | E::Malformed);
        assert_eq!(run.response.is_some(), has_response, "{error}");
    }
}

/// Returns the error text with which a response fails the connection, at every cut.
fn why_failed(request: &ClientRequest, input: &[u8]) -> String {
    let run = at_every_cut(input, |pieces| connect(&Config::default(), request, pieces));
    match &run.events[..] {
        [SessionEvent::Error(error), SessionEvent::Closed(_)] => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// R6455-4.1-29, R6455-4.1-30, R6455-4.1-31, R6455-11.3.4-1, R7936-2-1, R6455-9.1-1, A51: the error
/// names the selected value and the offered ones, if any.
// T10, T16
#[test]
fn a_server_cannot_select_a_value_that_was_not_offered() {
    let (protocol, extensions) = ("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions");
    let nothing = plain();
    let offer = plain()
        .subprotocol("chat")
        .and_then(|request| request.subprotocol("super"))
        .and_then(|request| request.extension(Extension::new("foo").unwrap()))
        .unwrap();
    let with = |name: &str, value: &str| good().with(name, value);
    for (request, head, words) in [
        (
            &nothing,
            with(extensions, "permessage-deflate"),
            "the extension \"permessage-deflate\" was selected, but not offered (nothing was offered)",
        ),
        (
            &nothing,
            with(protocol, "chat"),
            "the subprotocol \"chat\" was selected, but not offered (nothing was offered)",
        ),
        (
            &offer,
            with(protocol, "other"),
            "the subprotocol \"other\" was selected, but not offered (offered: \"chat\", \"super\")",
        ),
        (
            &offer,
            with(protocol, "Chat"),
            "the subprotocol \"Chat\" was selected, but not offered (offered: \"chat\", \"super\")",
        ),
        (
            &offer,
            with(protocol, "chat, super"),
            "the subprotocol \"chat, super\" was selected, but not offered (offered: \"chat\", \"super\")",
        ),
        (
            &offer,
            with(protocol, "chat").with(protocol, "chat"),
            "the subprotocol \"chat, chat\" was selected, but not offered (offered: \"chat\", \"super\")",
        ),
        (
            &offer,
            with(protocol, ""),
            "the selected subprotocol is empty (offered: \"chat\", \"super\")",
        ),
        (&nothing, with(protocol, ""), "the selected subprotocol is empty (nothing was offered)"),
        (
            &offer,
            with(extensions, "other"),
            "the extension \"other\" was selected, but not offered (offered: \"foo\")",
        ),
        (
            &offer,
            with(extensions, "Foo"),
            "the extension \"Foo\" was selected, but not offered (offered: \"foo\")",
        ),
        (
            &offer,
            with(extensions, "foo").with(extensions, "foo, other"),
            "the extension \"other\" was selected, but not offered (offered: \"foo\")",
        ),
        (&offer, with(extensions, ""), "the selected extension is empty (offered: \"foo\")"),
        (&offer, with(extensions, " , ,"), "the selected extension is empty (offered: \"foo\")"),
        (&nothing, with(extensions, ""), "the selected extension is empty (nothing was offered)"),
        (
            &offer,
            with(protocol, "chat").with(extensions, "foo; a=\"b c\""),
            "malformed Sec-WebSocket-Extensions header \"foo; a=\\\"b c\\\"\"",
        ),
        (
            &offer,
            good(),
            "the server selected none of the subprotocols (offered: \"chat\", \"super\")",
        ),
    ] {
        assert_eq!(why_failed(request, &head.then(HELLO)), words);
    }
}

// H2: empty elements of a list in a response are ignored, too.
#[test]
fn empty_elements_of_a_response_are_ignored() {
    let offer = plain().extension(Extension::new("foo").unwrap()).unwrap();
    for value in ["foo,", ",foo", " , foo ,,"] {
        assert_opened(&offer, &good().with("Sec-WebSocket-Extensions", value));
    }
    assert_opened(&plain(), &good().set("Connection", ", ,Upgrade,"));
}

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

/// A54: each limit on the head is enforced at the first byte beyond it.
#[test]
fn an_endless_response_head_is_cut_off() {
    let long = "a".repeat(1 << 20);
    let many = "a: b\r\n".repeat(2000);
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
    let status_line = "HTTP/1.1 101 Switching Protocols\r\n";
    for (error, input) in [
        (Some(HeadError::FirstLineTooLong), format!("HTTP/1.1 101 {long}")),
        (Some(HeadError::TooLong), format!("{status_line}X: {long}")),
        (Some(HeadError::TooManyFields), format!("{status_line}{many}")),
        (None, interim),
    ] {
        let whole = connect(&Config::default(), &plain(), &[input.as_bytes()]);
        let SessionEvent::Error(SessionError::Response(ResponseError::Head(found))) =
            &whole.events[0]
        else {
            panic!("{:?}", whole.events)
        };
        assert_eq!(*found, error.unwrap_or(*found));
        assert_eq!(whole.transport, Advice::Drop);
        let single: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
        assert_eq!(connect(&Config::default(), &plain(), &single), whole);
    }
}

/// A54: limits are inclusive; interim responses count, too.
#[test]
fn the_limits_of_a_response_are_inclusive() {
    let interim = Head::new("HTTP/1.1 100 Continue", &[]).bytes();
    let input = [&interim[..], &good().bytes()].concat();
    let mut config = Config::default();
    config.max_head_size = input.len();
    config.max_headers = 3;
    let run = at_every_cut(&input, |pieces| connect(&config, &plain(), pieces));
    assert_eq!(run.events[0], SessionEvent::Open);

    config.max_head_size = input.len() - 1;
    let run = at_every_cut(&input, |pieces| connect(&config, &plain(), pieces));
    assert_eq!(run.events[0], failed(ResponseError::Head(HeadError::TooLong)));

    config.max_head_size = input.len();
    config.max_headers = 2;
    let run = at_every_cut(&input, |pieces| connect(&config, &plain(), pieces));
    assert_eq!(run.events[0], failed(ResponseError::Head(HeadError::TooManyFields)));
}

// Responses that refuse

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

// Missing responses

/// R6455-7.2.1-1, as far as the handshake is concerned: the transport ends too early.
#[test]
fn a_transport_that_ends_in_the_head_is_reported() {
    let head = good().bytes();
    for input in [&b""[..], &head[..1], &head[..head.len() - 1]] {
        let run = connect(&Config::default(), &plain(), &[input]);
        let ended = SessionEvent::Error(SessionError::EndOfInput);
        assert_eq!(run.events, [ended, abnormal_end(Initiator::Remote)]);
        assert_eq!(run.response, None);
    }
}

#[test]
fn a_response_must_come_in_time() {
    let refusal = Head::new("HTTP/1.1 404 Not Found", &[]).then(b"hel");
    for (input, error, body) in [
        (&b"HTTP/1.1 10"[..], SessionError::HandshakeTimeout, None),
        (&refusal, SessionError::Response(ResponseError::Status(404)), Some(&b"hel"[..])),
    ] {
        let mut out = Vec::new();
        let mut session = Session::client(plain(), Config::default(), SEED, NOW, &mut out);
        let written = out.len();
        assert_eq!(session.next_event(NOW, &mut &mut input.to_vec()[..], &mut out), None);
        let deadline = Duration::from_secs(10);
        assert_eq!(session.deadline(), Some(deadline));
        session.handle_timeout(deadline - Duration::from_nanos(1), &mut out);
        assert_eq!(session.ready_state(), ReadyState::Connecting);
        session.handle_timeout(deadline, &mut out);
        assert_eq!(session.advice(), Advice::Drop);
        let mut events = Vec::new();
        while let Some(event) = session.next_event(deadline, &mut &mut [][..], &mut out) {
            events.push(event);
        }
        assert_eq!(events, [SessionEvent::Error(error), abnormal_end(Initiator::Local)]);
        assert_eq!(out.len(), written);
        let response = session.take_response();
        assert_eq!(response.as_ref().map(Response::body_bytes), body);
    }
}

/// Closing before the response drops the transport.
#[test]
fn a_handshake_can_be_given_up() {
    let mut out = Vec::new();
    let mut session: Session<Client> =
        Session::client(plain(), Config::default(), SEED, NOW, &mut out);
    let written = out.len();
    session.close(None, NOW, &mut out).unwrap();
    assert_eq!(out.len(), written);
    assert_eq!(session.advice(), Advice::Drop);
    assert_eq!(session.sender().err(), Some(SendError::Closed));
    let mut events = Vec::new();
    while let Some(event) = session.next_event(NOW, &mut &mut good().bytes()[..], &mut out) {
        events.push(match event {
            SessionEvent::Error(error) => Some(error),
            SessionEvent::Closed(info) => {
                assert_eq!(info.initiator, Initiator::Local);
                None
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(events, [Some(SessionError::Abandoned), None]);
}

// Without the session

/// R6455-4.1-28, section F: the proof for a known nonce.
#[test]
fn a_response_can_be_verified_alone() {
    let nonce = core::array::from_fn(|index| index as u8 + 1);
    let head =
        Head::response("C/0nmHhBztSRGR1CwL6Tf4ZjwpY=").with("Sec-WebSocket-Protocol", "chat");
    let response = Response::parse(&head.bytes()).unwrap();
    let offer = plain().subprotocol("chat").unwrap();
    let agreed = Agreed { subprotocol: Some("chat".into()), extensions: Vec::new() };
    assert_eq!(offer.verify(nonce, &response), Ok(agreed));
    assert_eq!(offer.verify([0; 16], &response), Err(ResponseError::Accept));
}

// Properties

/// Almost valid responses, and arbitrary bytes.
fn any_input() -> impl Strategy<Value = Vec<u8>> {
    let accept = format!("Sec-WebSocket-Accept: {}\r\n", expected_accept());
    let known: Vec<Vec<u8>> = [
        "HTTP/1.1 101 Switching Protocols\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\n",
        "HTTP/1.0 200 OK\r\n",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        &accept,
        "Sec-WebSocket-Accept: AAAA\r\n",
        "Sec-WebSocket-Protocol: chat\r\n",
        "Sec-WebSocket-Extensions: a; b=\"c\\d\"\r\n",
        "Content-Length: 7\r\n",
        "Content-Length: 3, 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "X: \u{e9}\r\n",
        "\r\n",
        "\r\n3\r\nabc\r\n",
        "2;x\r\nhi\r\n",
        "0\r\n",
        "\r",
        "\n",
        " ",
        ":",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    let part = prop_oneof![
        8 => prop::sample::select(known),
        1 => Just(good().bytes()),
        1 => Just(HELLO.to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
        1 => "[ -~]{0,8}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Promises I2 and I7: no input panics, and cuts change nothing.
    #[test]
    fn no_input_confuses_a_client(input in any_input()) {
        let mut config = Config::default();
        config.max_head_size = 300;
        config.max_headers = 8;
        config.max_body_size = 16;
        let run = at_every_cut(&input, |pieces| connect(&config, &plain(), pieces));
        let closed = run.events.iter().filter(|event| matches!(event, SessionEvent::Closed(_)));
        prop_assert_eq!(closed.count(), 1);
        prop_assert!(matches!(run.events.last(), Some(SessionEvent::Closed(_))));
        if run.events.contains(&SessionEvent::Open) {
            prop_assert_eq!(&run.events[0], &SessionEvent::Open);
        } else {
            prop_assert_eq!(run.out, b"");
            prop_assert!(matches!(run.events[0], SessionEvent::Error(_)));
        }
    }

    /// The same for arbitrary bytes.
    #[test]
    fn no_bytes_confuse_a_client(input in prop::collection::vec(any::<u8>(), 0..100)) {
        let run = at_every_cut(&input, |pieces| connect(&Config::default(), &plain(), pieces));
        prop_assert!(matches!(run.events.last(), Some(SessionEvent::Closed(_))));
        prop_assert_eq!(run.out, b"");
    }

    /// R6455-4.1-10, R6455-4.1-11, R6455-4.1-12, R6455-4.1-13, R6455-4.1-14, R6455-4.1-15,
    /// R6455-4.1-16, R6455-4.1-17, R6455-4.1-18, R6455-4.1-19: every request that can be built is
    /// valid.
    #[test]
    fn every_request_is_valid(
        seed in any::<[u8; 32]>(),
        secure in any::<bool>(),
        host in "[a-z0-9-]{1,9}(\\.[a-z0-9-]{1,9}){0,2}\\.[a-z][a-z0-9-]{0,9}",
        port in 1..=u16::MAX,
        path in "(/([a-z0-9._~-]|%[0-9A-F]{2}){0,8}){0,3}",
        query in "([a-z0-9=&?/]{1,10})?",
        subprotocols in prop::collection::btree_set("[a-z0-9.!#~|^`_-]{1,8}", 0..4),
        fields in prop::collection::vec(("X-[a-zA-Z0-9]{1,8}", "[!-~]([ -~\t]{0,9}[!-~])?"), 0..4),
    ) {
        let scheme = if secure { "wss" } else { "ws" };
        let query_part = if query.is_empty() { String::new() } else { format!("?{query}") };
        let mut request = to(&format!("{scheme}://{host}:{port}{path}{query_part}"));
        for subprotocol in &subprotocols {
            request = request.subprotocol(subprotocol).unwrap();
        }
        for (name, value) in &fields {
            request = request.header(name, value).unwrap();
        }
        let mut out = Vec::new();
        let _session = Session::client(request, Config::default(), seed, NOW, &mut out);
        let sent = SentRequest::parse(&out);
        prop_assert_eq!(&sent.method, "GET");
        let path = if path.is_empty() { "/" } else { &path };
        prop_assert_eq!(&sent.target, &format!("{path}{query_part}"));
        let default = if secure { 443 } else { 80 };
        let authority = if port == default { host } else { format!("{host}:{port}") };
        prop_assert_eq!(sent.only("Host"), authority);
        prop_assert_eq!(sent.only("Upgrade"), "websocket");
        prop_assert_eq!(sent.only("Connection"), "Upgrade");
        prop_assert_eq!(sent.only("Sec-WebSocket-Version"), "13");
        let key = sent.only("Sec-WebSocket-Key");
        prop_assert_eq!(key.len(), 24);
        prop_assert!(["A==", "Q==", "g==", "w=="].iter().any(|end| key.ends_with(end)), "{}", key);
        // Decoding checks that the unused bits are zero.
        prop_assert_eq!(STANDARD.decode(key).map(|nonce| nonce.len()), Ok(16));
        let offered: Vec<_> = subprotocols.into_iter().collect();
        let protocol = sent.all("Sec-WebSocket-Protocol");
        let expected: Vec<_> = [offered.join(", ")].into_iter().filter(|o| !o.is_empty()).collect();
        prop_assert_eq!(protocol, expected);
        prop_assert!(sent.all("Origin").is_empty());
        let own: Vec<_> = sent.fields.iter().filter(|(name, _)| name.starts_with("X-")).collect();
        prop_assert_eq!(own, fields.iter().collect::<Vec<_>>());
    }
}
