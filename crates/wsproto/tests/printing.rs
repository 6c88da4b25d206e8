//! `Debug` and `Display` output for logs: names and numbers, but no keys and no payloads.

use std::time::Duration;

use wsproto::handshake::{Accept, ClientRequest, PseudoHeaders, Request, Response};
use wsproto::url::WsUrl;
use wsproto::{
    Client, CloseCode, CloseFrame, CloseInfo, Config, Connection, Event, Initiator, Piece,
    PreparedMessage, Server, Session, SessionEvent,
};
use wsproto_testing::{Cuts, End, Node, REQUEST, SEED};

/// The state of the generator is as secret as the next masking key.
#[test]
fn a_client_hides_its_keys() {
    assert_eq!(format!("{:?}", Client::from_seed(SEED)), "Client { .. }");
}

#[test]
fn a_prepared_message_shows_its_length() {
    let message = PreparedMessage::text("secret");
    assert_eq!(format!("{message:?}"), "PreparedMessage { opcode: Text, len: 6 }");
}

#[test]
fn headers_are_a_list_of_names_and_values() {
    let request = Request::parse(REQUEST).expect("a request");
    let printed = format!("{:?}", request.headers());
    assert!(printed.starts_with(r#"[("Host", "localhost"), ("Upgrade", "websocket"), "#));
}

#[test]
fn the_end_of_a_connection_is_one_line() {
    let mut info = CloseInfo::abnormal(Initiator::Remote);
    assert_eq!(info.to_string(), "1006 Abnormal Closure (unclean)");
    (info.code, info.was_clean) = (CloseCode::GOING_AWAY, true);
    assert_eq!(info.to_string(), "1001 Going Away");
    info.sent = Some(CloseCode::GOING_AWAY);
    assert_eq!(info.to_string(), "1001 Going Away");
    info.sent = Some(CloseCode::NORMAL);
    assert_eq!(info.to_string(), "1001 Going Away (sent 1000 Normal Closure)");
    info.was_clean = false;
    let both = "1001 Going Away (unclean, sent 1000 Normal Closure)";
    assert_eq!(info.to_string(), both);
    (info.sent, info.was_clean) = (None, true);
    info.reason = "until \"tomorrow\"".into();
    assert_eq!(info.to_string(), r#"1001 Going Away: "until \"tomorrow\"""#);
}

/// The text that must not be printed.
const SECRET: &str = "hunter2";

#[track_caller]
fn assert_silent(value: &impl core::fmt::Debug) {
    for printed in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!printed.contains(SECRET), "{printed}");
        let bytes = format!("{:?}", SECRET.as_bytes());
        assert!(!printed.contains(bytes.trim_matches(['[', ']'])), "{printed}");
    }
}

/// Credentials, cookies and queries occur in many heads.
// T9
#[test]
fn heads_hide_secrets() {
    let fields = [
        "Authorization: Basic hunter2",
        "proxy-authorization: hunter2",
        "Cookie: a=hunter2",
        "Set-Cookie: a=hunter2",
        "Sec-WebSocket-Key: hunter2",
        "Referer: http://h/a?token=hunter2",
        "Location: ws://user:hunter2@h:8/b?token=hunter2#a@b",
        "X-Api-Key: hunter2",
        "Sec-WebSocket-Protocol: chat, hunter2",
    ]
    .join("\r\n");
    let head = format!("GET /a?token=hunter2 HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n");
    let request = Request::parse(head.as_bytes()).expect("a request");
    assert_silent(&request);
    let secret = [("cookie", "a=hunter2"), ("x-api-key", "hunter2")];
    let pseudo = PseudoHeaders {
        method: "CONNECT",
        protocol: Some("websocket"),
        scheme: Some("https"),
        authority: Some("h"),
        path: Some("/a?token=hunter2"),
    };
    assert_silent(&pseudo);
    assert_silent(&Request::from_pseudo_headers(pseudo, secret).expect("a request"));
    let printed = format!("{request:?}");
    assert!(printed.contains("target: \"/a?..\""), "{printed}");
    assert!(printed.contains("(\"Cookie\", 9 bytes)"), "{printed}");
    assert!(printed.contains("(\"Location\", \"ws://h:8/b?..\")"), "{printed}");

    let head = format!("HTTP/1.1 302 Found\r\n{fields}\r\n\r\n");
    assert_silent(&Response::parse(head.as_bytes()).expect("a response"));
    assert_silent(&Response::text(200, SECRET));
    assert_silent(&Accept::new().header("Set-Cookie", SECRET).expect("a header"));

    let url = WsUrl::parse("wss://h:8/a?token=hunter2").expect("a URL");
    assert_silent(&url);
    assert_eq!(url.without_query().to_string(), "wss://h:8/a?..");
    assert_eq!(format!("{url:?}"), "WsUrl(wss://h:8/a?..)");
    assert_eq!(url.to_string(), "wss://h:8/a?token=hunter2", "the value itself");
    let request = ClientRequest::new(url)
        .cookie("a", SECRET)
        .and_then(|request| request.header("Cookie", SECRET))
        .and_then(|request| request.header("Authorization", SECRET))
        .expect("a request");
    assert_silent(&request);

    // Output and deferred input of an endpoint.
    let mut node = Node::<Server>::open(Config::new(), Cuts::every(1));
    node.endpoint.send_text(SECRET).expect("open");
    node.endpoint.send_text(SECRET.repeat(10_000)).expect("open");
    node.endpoint.pause();
    node.endpoint
        .next_event(Duration::ZERO, &mut &mut Server::from_peer(0x81, SECRET.as_bytes())[..]);
    assert_silent(&node.endpoint);
    assert_silent(&request.clone().extended_connect(&Config::default()));

    // In every stage of a session.
    let mut out = Vec::new();
    let mut client = Session::client(request, Config::default(), SEED, Duration::ZERO, &mut out);
    let key = String::from_utf8(out.clone()).expect("ASCII");
    let key = key.split_once("Key: ").and_then(|(_, rest)| rest.split_once('\r')).expect("a key").0;
    assert!(!format!("{client:?}").contains(key));
    assert_silent(&client);
    for part in ["HTTP/1.1 403 No\r\nSet-Cookie: hunter2", "\r\n\r\nhunter2"] {
        let mut part = part.as_bytes().to_vec();
        client.next_event(Duration::ZERO, &mut &mut part[..], &mut out);
        assert_silent(&client);
    }
    let mut server = Session::server(Config::default(), Duration::ZERO);
    for part in ["GET /?hunter2 HTTP/1.1\r\nHost: h\r\nCookie: hunter2", "\r\n\r\n"] {
        let mut part = part.as_bytes().to_vec();
        server.next_event(Duration::ZERO, &mut &mut part[..], &mut out);
        assert_silent(&server);
    }
}

// T9
#[test]
fn errors_hide_secrets() {
    let url = WsUrl::parse("ws://h/").expect("a URL");
    let request = || ClientRequest::new(url.clone());
    for error in [
        request().header("Authorization", "hunter2\n").expect_err("a line break"),
        request().header("Cookie", "hunter2\n").expect_err("a line break"),
        request().header("Authorization: hunter2", "").expect_err("no name"),
        request().origin("hunter2\n").expect_err("a line break"),
        request().cookie("a", "hunter2;").expect_err("a separator"),
        request().cookie("a=hunter2", "").expect_err("no name"),
        request().subprotocol("a.long.prefix.of.a.token.hunter2@").expect_err("no token"),
    ] {
        assert_silent(&error);
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
    for text in [
        "ws://user:hunter2@h/",
        "ws://user:hunter2/x@h/",
        "ws://user:x/hunter2@h/",
        "ws://user:hunter2?@h/",
        "ws://us er:hunter2/@h",
        "ws://user:hunter2#@h/",
        "hunter2",
        "ftp://user:hunter2@h/",
        "ws://h/?token=hunter2 ",
        "ws://h/?token=hunter2#x",
    ] {
        let error = WsUrl::parse(text).expect_err("no URL");
        assert_silent(&error);
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
}

/// Received and sent data is printed as its length.
// T9
#[test]
fn payloads_are_printed_as_their_length() {
    let secret = SECRET.as_bytes();
    for (event, printed) in [
        (Event::Text(SECRET.into()), "Text(7 bytes)"),
        (Event::Binary(secret.into()), "Binary(7 bytes)"),
        (Event::Ping(secret.into()), "Ping(7 bytes)"),
        (Event::Pong(b"".into()), "Pong(0 bytes)"),
        (Event::Close(None), "Close(None)"),
    ] {
        assert_eq!(format!("{event:?}"), printed);
        let event = SessionEvent::Received(event);
        assert_silent(&event);
        assert_eq!(event.clone().into_owned(), event);
    }
    let close = Event::Close(CloseFrame::normal("bye").ok());
    assert!(format!("{close:?}").contains("bye"), "a reason is for logs");
    for piece in [
        Piece::Text { text: SECRET.into(), fin: false },
        Piece::Binary { bytes: secret.into(), fin: true },
        Piece::Ping(secret.into()),
        Piece::Pong(secret.into()),
    ] {
        assert_silent(&piece);
        let event = SessionEvent::Received(piece);
        assert_eq!(event.clone().into_owned(), event);
    }
    assert_silent(&PreparedMessage::text(SECRET));

    // In flight, too.
    fn check<R: End>() {
        for first in [0x01, 0x02, 0x81, 0x89] {
            let mut bytes = R::from_peer(first, SECRET.as_bytes());
            let end = bytes.len() - usize::from(first & 0x80 != 0);
            let mut connection: Connection<R> = R::connect();
            let event = connection.next_event(&mut &mut bytes[..end], &mut Vec::new());
            assert_eq!(event, Ok(None));
            assert_silent(&connection);
        }
    }
    check::<Server>();
    check::<Client>();
}

#[test]
fn a_code_is_printed_with_its_name_if_it_has_one() {
    assert_eq!(CloseCode::new(1001).to_string(), "1001 Going Away");
    assert_eq!(format!("{:?}", CloseCode::new(4001)), "4001");
}
