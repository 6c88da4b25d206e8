//! Decisions on requests: by the handler, and by the options before it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use ws_std::wsproto::Config;
use ws_std::wsproto::handshake::{AllowedOrigins, ClientRequest};
use ws_std::wsproto::url::WsUrl;
use ws_std::{Error, ServerOptions, connect, connect_with};

use crate::net::{REQUEST, open_by_hand, read_all, url};
use crate::support::{get, start, status};

#[test]
fn a_connection_can_be_refused_and_ordinary_requests_answered() {
    // S4-3, S4-14, X7
    let running = start(ServerOptions::new());
    let error = connect(&format!("ws://{}/private", running.address)).expect_err("refused");
    assert!(matches!(error, Error::Http(response) if response.status() == 401));
    assert_eq!(status(&get(&running.address, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")), "200");
    assert_eq!(status(&get(&running.address, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")), "426");
    running.end(None);
}

#[test]
fn path_and_origin_are_decided_before_the_handler() {
    // S4-14, S4-17, R6455-4.2.2-4, R6455-4.2.2-6
    let origins = AllowedOrigins::new(["https://good.example"]).expect("an origin");
    let running = start(ServerOptions::new().path("/chat").origins(origins));
    assert_eq!(running.server.handle().options().path.as_deref(), Some("/chat"));
    let ask = |target: &str, origin: &str| {
        let url = WsUrl::parse(&format!("ws://{}{target}", running.address)).expect("a URL");
        let request = ClientRequest::new(url).origin(origin).expect("an origin");
        match connect_with(request, Config::default()) {
            Ok(_) => 101,
            Err(Error::Http(response)) => response.status(),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(ask("/chat?x", "https://good.example"), 101);
    assert_eq!(ask("/chat/", "https://good.example"), 404);
    assert_eq!(ask("/chat", "https://evil.example"), 403);
    let log = running.end(Some(Duration::ZERO));
    assert_eq!(log.iter().filter(|line| line.starts_with("connection")).count(), 1);
}

#[test]
fn the_subprotocol_and_headers_of_the_answer_arrive() -> Result<(), Error> {
    // S2-8
    let running = start(ServerOptions::new());
    let request = ClientRequest::new(WsUrl::parse(&url(&running.address))?);
    let request = request.subprotocol("chat.v1")?.subprotocol("chat.v2")?;
    let mut ws = connect_with(request, Config::default())?;
    assert_eq!(ws.subprotocol().as_deref(), Some("chat.v2"));
    let response = ws.response().expect("a response");
    assert_eq!(response.headers().get("x-seen"), Some("yes"));
    ws.send("sync")?;
    ws.recv()?;
    let connections = running.server.handle().connections();
    assert_eq!(connections[0].subprotocol().as_deref(), Some("chat.v2"));
    assert!(connections[0].peer_addr().is_some_and(|peer| peer.ip().is_loopback()));
    drop(ws);
    running.wait_empty();
    running.end(None);
    Ok(())
}

#[test]
fn more_connections_than_allowed_are_refused() -> Result<(), Error> {
    let running = start(ServerOptions::new().max_connections(1));
    let mut ws = connect(&url(&running.address))?;
    ws.send("sync")?;
    ws.recv()?;
    let mut second = TcpStream::connect(&running.address)?;
    let mut answer = [0; 12];
    second.read_exact(&mut answer)?;
    assert_eq!(&answer, b"HTTP/1.1 503");
    ws.close(None)?;
    ws.wait_closed()?;
    running.wait_empty();
    running.end(None);
    Ok(())
}

#[test]
fn the_limits_of_the_server_are_those_of_its_connections() {
    // A42
    let mut config = Config::default();
    config.max_message_size = 4;
    let running = start(ServerOptions::new().config(config));
    let mut client = open_by_hand(&running.address);
    client.write_all(b"\x82\x85\0\0\0\0").expect("written");
    assert_eq!(read_all(&mut client), b"\x88\x02\x03\xF1");
    drop(client);
    let long = [&REQUEST[..16], b"Cookie: ", &[b'a'; 20_000], b"\r\n"].concat();
    assert_eq!(status(&get(&running.address, std::str::from_utf8(&long).expect("text"))), "431");
    running.wait_empty();
    running.end(None);
}
