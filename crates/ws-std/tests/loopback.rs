//! Real sockets: which end closes TCP first, refusals that arrive whole, deadlines.

#[path = "support/net.rs"]
mod net;

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use net::{REQUEST, echo_once, open_by_hand, read_all, url, yes};
use ws_std::wsproto::handshake::{Accept, ClientRequest, RequestError, Response};
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{CloseCode, CloseFrame, Config, Initiator, KeepAlive, SessionError};
use ws_std::{
    Decision, Error, IncomingRequest, Message, accept, accept_with, connect, connect_with,
};

#[test]
fn messages_come_back_and_the_end_is_clean() -> Result<(), Error> {
    // R6455-4.1-1, R6455-5.5.1-8, R6455-7.1.2-2
    let (address, server) = echo_once(Config::default());
    let mut ws = connect(&url(&address))?;
    for message in ["Hello".into(), Message::Binary(vec![1; 1 << 20]), "".into()] {
        ws.send(message.clone())?;
        assert_eq!(ws.recv()?, Some(message));
    }
    ws.close(CloseFrame::new(4321.into(), "bye").expect("a private code"))?;
    let info = ws.wait_closed()?;
    assert_eq!((info.code, &*info.reason), (4321.into(), "bye"));
    assert_eq!((info.was_clean, info.initiator), (true, Initiator::Local));
    server.join().expect("no panic")
}

#[test]
fn a_server_ends_the_transport_first_and_reads_on() {
    // R6455-5.5.1-9, R6455-7.1.1-1, R6455-7.1.1-3: after the Close the server ends its side, and
    // later data of the client does not reset the connection.
    let (address, server) = echo_once(Config::default());
    let mut client = open_by_hand(&address);
    client.write_all(b"\x88\x82\0\0\0\0\x03\xE8").expect("written");
    assert_eq!(read_all(&mut client), b"\x88\x02\x03\xE8");
    client.write_all(&[0; 100_000]).expect("the server still reads");
    client.shutdown(Shutdown::Write).expect("open");
    assert!(server.join().expect("no panic").is_ok());
}

#[test]
fn a_client_waits_for_the_server_to_end_the_transport() -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let client = thread::spawn(move || -> Result<bool, Error> {
        let mut ws = connect(&url(&address))?;
        ws.close(None)?;
        Ok(ws.wait_closed()?.was_clean)
    });
    let (stream, _) = listener.accept()?;
    let raw = stream.try_clone()?;
    let mut ws = accept(stream)?;
    assert_eq!(ws.recv()?, None);
    // The server ends its side first; only then does the client end its own.
    drop((ws, raw));
    assert!(client.join().expect("no panic")?);
    Ok(())
}

#[test]
fn the_close_after_a_violation_arrives_although_more_was_sent() {
    // R6455-7.1.7-1, R6455-7.1.7-2: the connection is failed with a Close that says why, and no reset overtakes it.
    let (address, server) = echo_once(Config::default());
    let mut client = open_by_hand(&address);
    let mut bytes = b"\x81\x05Hello".to_vec();
    bytes.resize(300_000, 0);
    client.write_all(&bytes).expect("written");
    client.shutdown(Shutdown::Write).expect("open");
    assert_eq!(read_all(&mut client), b"\x88\x02\x03\xEA");
    let error = server.join().expect("no panic").expect_err("an unmasked frame");
    let unmasked = SessionError::from(wsproto::Error::UnmaskedFrame);
    assert!(matches!(error, Error::Session(error) if error == unmasked));
}

#[test]
fn limits_are_wired_through_the_adapter() {
    // A42, R6455-10.4-1
    let mut config = Config::default();
    config.max_message_size = 10;
    config.max_fragments = 2;
    config.max_head_size = 300;
    config.max_headers = 6;
    for (bytes, close) in [
        (&b"\x82\x8B\0\0\0\0"[..], &b"\x88\x02\x03\xF1"[..]),
        (&b"\x02\x80\0\0\0\0\0\x80\0\0\0\0\0"[..], &b"\x88\x02\x03\xF0"[..]),
    ] {
        let (address, server) = echo_once(config.clone());
        let mut client = open_by_hand(&address);
        client.write_all(bytes).expect("written");
        client.shutdown(Shutdown::Write).expect("open");
        assert_eq!(read_all(&mut client), close);
        assert!(server.join().expect("no panic").is_err());
    }
    for (head, status) in [
        (format!("GET /{} HTTP/1.1\r\n", "a".repeat(300)), "414"),
        (format!("GET / HTTP/1.1\r\nCookie: {}", "a".repeat(300)), "431"),
        (format!("GET / HTTP/1.1\r\n{}", "A: a\r\n".repeat(7)), "431"),
    ] {
        assert_eq!(refusal(config.clone(), head.as_bytes()), status);
    }
}

/// Returns the status with which a server refuses a client's bytes.
fn refusal(config: Config, bytes: &[u8]) -> String {
    let (address, server) = echo_once(config);
    let mut client = TcpStream::connect(&address).expect("a server");
    client.write_all(bytes).expect("written");
    let answer = String::from_utf8(read_all(&mut client)).expect("text");
    drop(client);
    assert!(server.join().expect("no panic").is_err());
    answer.split(' ').nth(1).expect("a status").to_owned()
}

#[test]
fn what_is_no_handshake_is_refused_and_the_refusal_arrives() {
    // R6455-4.1-7, R6455-7.2.2-1
    let request = String::from_utf8(REQUEST.to_vec()).expect("text");
    for (request, status) in [
        (request.replace("GET", "POST"), "405"),
        (request.replace("HTTP/1.1", "HTTP/2.0"), "505"),
        // H1: HTTP/1.0 has no upgrades.
        (request.replace("HTTP/1.1", "HTTP/1.0"), "426"),
        (request.replace("Version: 13", "Version: 8"), "426"),
        (request.replace("Upgrade: websocket\r\n", ""), "426"),
        (request.replace("dGhl", ""), "400"),
        (request.replace("\r\nHost", "\nHost"), "400"),
    ] {
        assert_eq!(refusal(Config::default(), request.as_bytes()), status, "{request}");
    }
}

#[test]
fn a_client_learns_why_it_was_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let answer = |request: &IncomingRequest| {
            Decision::respond(Response::text(401, &format!("{} is private", request.path())))
        };
        accept_with(stream, Config::default(), answer)
    });
    let error = connect(&format!("ws://{address}/vault?key=1")).expect_err("refused");
    let Error::Http(response) = error else { panic!("{error}") };
    assert_eq!((response.status(), response.body_bytes()), (401, &b"/vault is private"[..]));
    assert!(server.join().expect("no panic").is_ok_and(|ws| ws.is_none()));
}

#[test]
fn a_mistake_in_accepting_is_an_error_and_the_client_gets_a_500() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let answer =
            |_: &IncomingRequest| Decision::accept_with(Accept::new().subprotocol("unasked"), ());
        accept_with(stream, Config::default(), answer)
    });
    let error = connect(&url(&address)).expect_err("refused");
    assert!(matches!(error, Error::Http(response) if response.status() == 500));
    assert!(matches!(server.join().expect("no panic"), Err(Error::Accept(_))));
}

#[test]
fn one_port_serves_pages_too() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let answer = |request: &IncomingRequest| match request.check_upgrade() {
            Err(RequestError::NoUpgrade) => Decision::respond(Response::html("<p>Hello")),
            _ => yes(request),
        };
        accept_with(stream, Config::default(), answer)
    });
    let mut client = TcpStream::connect(&address).expect("a server");
    client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("written");
    let page = String::from_utf8(read_all(&mut client)).expect("text");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("\r\n\r\n<p>Hello"));
    drop(client);
    assert!(server.join().expect("no panic").is_ok_and(|ws| ws.is_none()));
}

#[test]
fn nothing_is_connected_for_a_bad_url() {
    for bad in ["http://", "ftp://localhost/", "ws://localhost/#", "ws://a b/", "localhost"] {
        assert!(matches!(connect(bad), Err(Error::Url(_))), "{bad}");
    }
    #[cfg(not(feature = "tls"))]
    assert!(matches!(connect("wss://localhost/"), Err(Error::TlsUnavailable)));
}

#[test]
fn a_refused_port_is_an_error() {
    // R6455-4.1-7: a port that no longer listens.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let error = connect(&url(&address)).expect_err("nobody listens");
    assert!(error.to_string().contains(&address), "{error}");
    assert!(matches!(error, Error::Connect { error, .. }
        if error.kind() == ErrorKind::ConnectionRefused));
}

#[test]
fn a_head_that_does_not_end_meets_the_deadline() {
    // A39: single bytes do not extend the deadline.
    let mut config = Config::default();
    config.handshake_timeout = Some(Duration::from_millis(200));
    let (address, server) = echo_once(config);
    let mut client = TcpStream::connect(&address).expect("a server");
    let mut writer = client.try_clone().expect("a stream");
    let trickle = thread::spawn(move || {
        writer.write_all(b"GET / HTTP/1.1\r\nA: ").expect("written");
        while writer.write_all(b"a").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let answer = String::from_utf8(read_all(&mut client)).expect("text");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    client.shutdown(Shutdown::Both).expect("open");
    trickle.join().expect("no panic");
    let error = server.join().expect("no panic").expect_err("a timeout");
    assert!(matches!(error, Error::Session(SessionError::HandshakeTimeout)));
}

#[test]
fn a_server_that_does_not_answer_meets_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let mut config = Config::default();
    config.handshake_timeout = Some(Duration::from_millis(100));
    let request = ClientRequest::new(WsUrl::parse(&url(&address)).expect("a URL"));
    let error = connect_with(request, config).expect_err("no answer");
    assert!(matches!(error, Error::Session(SessionError::HandshakeTimeout)));
}

#[test]
fn a_peer_that_does_not_close_meets_the_deadline() -> Result<(), Error> {
    // A39
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let server = thread::spawn(move || -> Result<_, Error> {
        let mut config = Config::default();
        config.close_timeout = Some(Duration::from_millis(100));
        let (stream, _) = listener.accept()?;
        let mut ws = accept_with(stream, config, yes)?.expect("an upgrade");
        ws.close(None)?;
        let error = ws.recv().expect_err("no Close");
        Ok((error, ws.wait_closed()?.clone()))
    });
    let mut client = open_by_hand(&address);
    assert_eq!(read_all(&mut client), b"\x88\x00");
    let (error, info) = server.join().expect("no panic")?;
    assert!(matches!(error, Error::Session(SessionError::CloseTimeout)));
    assert_eq!((info.code, info.was_clean), (CloseCode::ABNORMAL, false));
    Ok(())
}

#[test]
fn a_peer_that_does_not_answer_pings_is_given_up() -> Result<(), Error> {
    // A39
    let mut config = Config::default();
    let soon = Duration::from_millis(50);
    config.keep_alive = Some(KeepAlive { interval: soon, patience: soon });
    config.close_timeout = Some(soon);
    let (address, server) = echo_once(config);
    let mut client = open_by_hand(&address);
    assert_eq!(read_all(&mut client), b"\x89\x04\0\0\0\0\x88\x14\x03\xF3keep-alive timeout");
    let error = server.join().expect("no panic").expect_err("silence");
    assert!(matches!(error, Error::Session(SessionError::KeepAliveTimeout)));
    Ok(())
}
