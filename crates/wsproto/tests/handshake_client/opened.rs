//! Responses that open the connection: their legal forms, and the values that they select.

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{Accept, Agreed, Extension, Response, ResponseError};
use wsproto::{CloseCode, Config, Error, Event, Session, SessionEvent};

use crate::handshake_support::*;
use crate::support::{assert_failed, assert_opened, good, plain, to};

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
        let mut end = abnormal_end(Initiator::Local);
        if let SessionEvent::Closed(info) = &mut end {
            info.sent = Some(CloseCode::PROTOCOL_ERROR);
        }
        assert_eq!(run.events, [SessionEvent::Open, error, end]);
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

// H2: empty elements of a list in a response are ignored, too.
#[test]
fn empty_elements_of_a_response_are_ignored() {
    let offer = plain().extension(Extension::new("foo").unwrap()).unwrap();
    for value in ["foo,", ",foo", " , foo ,,"] {
        assert_opened(&offer, &good().with("Sec-WebSocket-Extensions", value));
    }
    assert_opened(&plain(), &good().set("Connection", ", ,Upgrade,"));
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

/// R6455-4.1-28, section F: the proof for a known nonce.
#[test]
fn a_response_can_be_verified_alone() {
    let nonce = core::array::from_fn(|index| index as u8 + 1);
    let head =
        Head::response("C/0nmHhBztSRGR1CwL6Tf4ZjwpY=").with("Sec-WebSocket-Protocol", "chat");
    let response = Response::parse(&head.bytes()).unwrap();
    let offer = plain().subprotocol("chat").unwrap();
    let mut agreed = Agreed::default();
    agreed.subprotocol = Some("chat".into());
    assert_eq!(offer.verify(nonce, &response), Ok(agreed));
    assert_eq!(offer.verify([0; 16], &response), Err(ResponseError::Accept));
}

/// R6455-4.1-28: a value that is not ASCII is an error in a response made of other code's fields, too: a field
/// that was not looked at would neither count as repeated nor as selected by the server.
#[test]
fn a_response_made_by_hand_hides_no_field() {
    let nonce = core::array::from_fn(|index| index as u8 + 1);
    let accept = "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=";
    for name in ["Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"] {
        let fields = [("Upgrade", "websocket"), ("Connection", "Upgrade")];
        let [good, bad] = [None, Some((name, "\u{e9}"))].map(|more| {
            let accept = ("Sec-WebSocket-Accept", accept);
            fields
                .into_iter()
                .chain([accept])
                .chain(more)
                .fold(Response::new(101), |response, field| {
                    response.header(field.0, field.1).expect("a valid field")
                })
        });
        assert_eq!(plain().verify(nonce, &good), Ok(Agreed::default()));
        assert_eq!(plain().verify(nonce, &bad), Err(ResponseError::NonAscii(name)));
    }
    let connect = plain().extended_connect(&Config::default());
    let response = Response::new(200).header("Sec-WebSocket-Extensions", "\u{e9}").expect("valid");
    let refused = Err(ResponseError::NonAscii("Sec-WebSocket-Extensions"));
    assert_eq!(connect.verify(&response, &Config::default()), refused);
}
