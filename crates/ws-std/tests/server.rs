//! The server and its connections as objects: when handlers are called, what handles can do, and how a
//! server ends. `S1-..` and `S4-..` are the items of the object model, `X..` its decisions.

#[path = "support/net.rs"]
mod net;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use net::{REQUEST, open_by_hand, read_all, url};
use ws_std::wsproto::handshake::{Accept, AllowedOrigins, ClientRequest, Request, Response};
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{CloseCode, CloseInfo, Config, Initiator, ReadyState};
use ws_std::{
    ConnectionHandler, Decision, Error, Message, RunningServer, ServerHandle, ServerHandler,
    ServerOptions, WebSocketConnection, WebSocketServer, connect, connect_with,
};

/// Logs its calls, and obeys commands in messages.
struct Recorder {
    log: Log,
}

struct RecordedConnection {
    log: Log,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("no panic").push(what.into());
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

impl ServerHandler for Recorder {
    type Handler = RecordedConnection;

    fn on_connection(
        &mut self,
        _: &ServerHandle,
        request: &Request,
    ) -> Decision<RecordedConnection> {
        let query: Vec<_> =
            request.query_pairs().map(|(key, value)| format!("{key}:{value}")).collect();
        self.log.note(format!("connection {} {}", request.path(), query.join(",")));
        if request.path() == "/private" {
            return Decision::respond(Response::text(401, "private\n"));
        }
        let accept = Accept::new().select_subprotocol(request, &["chat.v2", "chat.v1"]);
        let accept = accept.header("X-Seen", "yes").expect("a header");
        Decision::accept_with(accept, RecordedConnection { log: self.log.clone() })
    }

    fn on_request(&mut self, _: &ServerHandle, request: &Request) -> Decision<RecordedConnection> {
        (request.path() == "/health").then(|| Response::text(200, "well\n")).into()
    }

    fn on_open(&mut self, server: &ServerHandle) {
        assert!(!server.is_terminated() && server.connections().is_empty());
        self.log.note("server open");
    }

    fn on_error(&mut self, _: &ServerHandle, error: &Error) {
        self.log.note(format!("server error: {error}"));
    }

    fn on_terminate(&mut self, server: &ServerHandle) {
        assert!(server.is_terminated() && server.connections().is_empty());
        self.log.note("server terminate");
    }
}

fn server_of(ws: &WebSocketConnection) -> &ServerHandle {
    ws.server().expect("a server's connection")
}

impl ConnectionHandler for RecordedConnection {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        assert!(ws.ready_state() == ReadyState::Open || server_of(ws).is_ending());
        assert_eq!(server_of(ws).connection(ws.id()).as_ref(), Some(ws));
        self.log.note("open");
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        match &message {
            Message::Text(text) if text == "terminate" => {
                ws.terminate(4001.into(), "as you wish").expect("a private code");
            }
            Message::Text(text) if text == "panic" => panic!("as you wish"),
            Message::Text(text) if text == "everybody" => {
                assert_eq!(
                    server_of(ws).broadcast("hello all").sent,
                    server_of(ws).connections().len()
                );
            }
            Message::Text(text) => {
                self.log.note(format!("message {text}"));
                ws.send(message).expect("open");
            }
            Message::Binary(bytes) => {
                ws.send(bytes.clone()).expect("open");
            }
        }
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        self.log.note(format!("error: {error}"));
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        assert_eq!(ws.ready_state(), ReadyState::Closed);
        assert_eq!(server_of(ws).connection(ws.id()), None);
        assert!(ws.send("late").is_err());
        self.log.note(format!("terminate {} {}", info.code, info.was_clean));
    }
}

struct Running {
    server: RunningServer,
    address: String,
    log: Log,
}

fn start(options: ServerOptions) -> Running {
    let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
    let address = server.local_addr().expect("an address").to_string();
    let log = Log::default();
    let server = server.spawn(Recorder { log: log.clone() }).expect("a thread");
    Running { server, address, log }
}

impl Running {
    /// Ends the server and returns the calls of its handlers.
    fn end(self, timeout: Option<Duration>) -> Vec<String> {
        self.server.handle().terminate(timeout);
        self.server.handle().terminate(None);
        self.server.join();
        self.log.taken()
    }

    /// Waits until the server has no connections.
    fn wait_empty(&self) {
        while !self.server.handle().connections().is_empty() {
            std::thread::yield_now();
        }
    }
}

fn status(response: &[u8]) -> &str {
    std::str::from_utf8(response).ok().and_then(|text| text.split(' ').nth(1)).unwrap_or_default()
}

fn get(address: &str, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.write_all(request.as_bytes()).expect("written");
    read_all(&mut stream)
}

#[test]
fn handlers_are_called_in_order() -> Result<(), Error> {
    // S1-1, S1-2, S4-1, S4-2, S4-3, S4-4, S4-5, S4-9, S4-10, S4-11, S4-12, S4-18, S4-20, X9
    let running = start(ServerOptions::new());
    let mut ws = connect(&format!("ws://{}/room?name=a+b&x=%41", running.address))?;
    for text in ["one", "two"] {
        ws.send(text)?;
        assert_eq!(ws.recv()?, Some(text.into()));
    }
    ws.close(None)?;
    assert!(ws.wait_closed()?.was_clean);
    running.wait_empty();
    assert_eq!(
        running.end(None),
        [
            "server open",
            "connection /room name:a b,x:A",
            "open",
            "message one",
            "message two",
            "terminate 1005 No Status Received true",
            "server terminate",
        ]
    );
    Ok(())
}

/// S4-7: the server's handler is called for one client at a time; simultaneous clients wait.
#[test]
fn the_servers_handler_is_never_called_twice_at_once() {
    const CLIENTS: usize = 20;
    let (busy, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    let decide = move |_: &ServerHandle, _: &Request| {
        assert!(!busy.swap(true, Ordering::SeqCst), "two calls at once");
        std::thread::sleep(Duration::from_millis(2));
        counted.fetch_add(1, Ordering::SeqCst);
        busy.store(false, Ordering::SeqCst);
        Decision::accept(|_: &WebSocketConnection, _: Message| {})
    };
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address").to_string();
    let running = server.spawn(decide).expect("a thread");
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| connect(&url(&address)).expect("let in"));
        }
    });
    assert_eq!(calls.load(Ordering::SeqCst), CLIENTS);
    running.handle().terminate(Some(Duration::ZERO));
    running.join();
}

/// S4-8: the handler sees the request as sent: repeated fields, the target, the address.
#[test]
fn the_handler_sees_all_of_the_request() {
    let (to_test, seen) = std::sync::mpsc::channel();
    let decide = move |_: &ServerHandle, request: &Request| {
        let headers = request.headers();
        let marks: Vec<String> = headers.get_all("X-Mark").map(Into::into).collect();
        let cookie = headers.get("cookie").map(str::to_owned);
        to_test.send((request.target().to_owned(), marks, cookie)).expect("the test waits");
        let to_test = to_test.clone();
        Decision::accept(move |ws: &WebSocketConnection, _: Message| {
            let address = ws.peer_addr().expect("a peer").to_string();
            to_test.send((address, Vec::new(), None)).expect("the test waits");
        })
    };
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address").to_string();
    let running = server.spawn(decide).expect("a thread");
    let request = ClientRequest::new(
        WsUrl::parse(&format!("{}status?name=r%20y", url(&address))).expect("a URL"),
    )
    .header("X-Mark", "one")
    .and_then(|request| request.header("x-mark", "two"))
    .and_then(|request| request.cookie("a", "1"))
    .and_then(|request| request.cookie("b", "2"))
    .expect("a request");
    let mut ws = connect_with(request, Config::default()).expect("let in");
    let (target, marks, cookie) = seen.recv().expect("a request");
    assert_eq!(target, "/status?name=r%20y");
    assert_eq!(marks, ["one", "two"]);
    assert_eq!(cookie.as_deref(), Some("a=1; b=2"));
    ws.send("where am I?").expect("open");
    let ours = ws.stream().tcp().expect("TCP").local_addr().expect("an address").to_string();
    assert_eq!(seen.recv().expect("an address").0, ours);
    running.handle().terminate(Some(Duration::ZERO));
    running.join();
}

#[test]
fn an_error_comes_once_and_before_the_end() {
    // S4-13, S4-6, X10
    let running = start(ServerOptions::new());
    let mut client = open_by_hand(&running.address);
    client.write_all(b"\x81\x82\0\0\0\0hi\x83\x80\0\0\0\0").expect("written");
    assert_eq!(read_all(&mut client), b"\x81\x02hi\x88\x02\x03\xEA");
    drop(client);
    running.wait_empty();
    assert_eq!(status(&get(&running.address, "POST / HTTP/1.1\r\nHost: a\r\n\r\n")), "405");
    let log = running.end(None);
    let about = |what: &str| log.iter().filter(|line| line.contains(what)).count();
    assert_eq!((about("server error: method"), about("error: reserved opcode")), (1, 1));
    assert_eq!(
        log[2..6],
        ["open", "message hi", "error: reserved opcode", "terminate 1006 Abnormal Closure false"]
    );
}

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
fn a_connection_is_terminated_with_a_code_and_a_reason() -> Result<(), Error> {
    // S1-3, S1-5, S1-6, S1-7, X2
    let running = start(ServerOptions::new());
    let mut ws = connect(&url(&running.address))?;
    ws.send("sync")?;
    ws.recv()?;
    let [handle] = &running.server.handle().connections()[..] else { panic!("one connection") };
    for wrong in [999, 1005, 2999, 5000] {
        assert!(matches!(handle.terminate(wrong.into(), ""), Err(Error::Close(_))), "{wrong}");
    }
    // Only a client may send 1010.
    assert!(matches!(handle.terminate(1010.into(), ""), Err(Error::Send(_))));
    assert_eq!(handle.ready_state(), ReadyState::Open, "a wrong call changes nothing");
    ws.send("terminate")?;
    let info = ws.wait_closed()?;
    assert_eq!((info.code, &*info.reason), (4001.into(), "as you wish"));
    assert_eq!((info.was_clean, info.initiator), (true, Initiator::Remote));
    running.wait_empty();
    assert!(handle.terminate(CloseCode::NORMAL, "again").is_ok(), "twice is harmless");
    running.end(None);
    Ok(())
}

#[test]
fn ids_tell_connections_apart_and_a_broadcast_reaches_all() -> Result<(), Error> {
    // S1-3, S4-16
    let running = start(ServerOptions::new());
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut ws = connect(&url(&running.address))?;
        ws.send("sync")?;
        ws.recv()?;
        clients.push(ws);
    }
    let handles = running.server.handle().connections();
    let mut ids: Vec<_> = handles.iter().map(WebSocketConnection::id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    clients[0].send("everybody")?;
    for ws in &mut clients {
        assert_eq!(ws.recv()?, Some("hello all".into()));
    }
    drop(clients);
    running.wait_empty();
    running.end(None);
    Ok(())
}

#[test]
fn a_server_says_goodbye_and_waits_for_the_answer() -> Result<(), Error> {
    // S4-19: no timeout, X14
    let running = start(ServerOptions::new());
    let mut ws = connect(&url(&running.address))?;
    ws.send("sync")?;
    ws.recv()?;
    running.server.handle().terminate(None);
    let info = ws.wait_closed()?;
    assert_eq!((info.code, info.was_clean), (CloseCode::GOING_AWAY, true));
    let address = running.address.clone();
    let log = running.end(None);
    assert_eq!(log[4..], ["terminate 1001 Going Away true", "server terminate"]);
    assert!(connect(&url(&address)).is_err(), "nobody listens any more");
    Ok(())
}

#[test]
fn a_server_that_is_terminated_at_once_sends_nothing() {
    // S4-19: a timeout of zero
    let running = start(ServerOptions::new());
    let mut client = open_by_hand(&running.address);
    client.write_all(b"\x81\x81\0\0\0\0x").expect("written");
    let mut echo = [0; 3];
    client.read_exact(&mut echo).expect("an echo");
    let log = running.end(Some(Duration::ZERO));
    let mut rest = Vec::new();
    // It may be a reset: nothing is what matters.
    let _ = client.read_to_end(&mut rest);
    assert_eq!(rest, b"");
    assert_eq!(log[4..], ["terminate 1006 Abnormal Closure false", "server terminate"]);
}

#[test]
fn a_peer_that_does_not_answer_is_cut_off_in_time() {
    // S4-19: a timeout
    let running = start(ServerOptions::new());
    let mut client = open_by_hand(&running.address);
    running.server.handle().terminate(Some(Duration::from_millis(50)));
    running.server.join();
    // The connection opened before or after the call; it was closed in either case.
    assert!(read_all(&mut client).starts_with(b"\x88\x02\x03\xE9"));
    assert_eq!(running.log.taken().last().map(String::as_str), Some("server terminate"));
}

#[test]
fn a_handler_that_panics_costs_its_connection_only() -> Result<(), Error> {
    let running = start(ServerOptions::new());
    let mut other = connect(&url(&running.address))?;
    let mut ws = connect(&url(&running.address))?;
    ws.send("panic")?;
    assert_eq!(ws.wait_closed()?.code, CloseCode::INTERNAL_ERROR);
    other.send("still here")?;
    assert_eq!(other.recv()?, Some("still here".into()));
    drop(other);
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

#[test]
fn many_connections_come_and_go_and_nothing_is_left() -> Result<(), Error> {
    let running = start(ServerOptions::new());
    for _ in 0..5 {
        let clients: Vec<_> = (0..40)
            .map(|number| -> Result<_, Error> {
                let mut ws = connect(&url(&running.address))?;
                ws.send(format!("number {number}"))?;
                Ok(ws)
            })
            .collect::<Result<_, _>>()?;
        for (number, mut ws) in clients.into_iter().enumerate() {
            assert_eq!(ws.recv()?, Some(format!("number {number}").into()));
            ws.close(None)?;
            assert!(ws.wait_closed()?.was_clean);
        }
    }
    running.wait_empty();
    let log = running.end(None);
    let about = |what: &str| log.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((about("open"), about("message"), about("terminate 1005")), (200, 200, 200));
    assert_eq!(log.last().map(String::as_str), Some("server terminate"));
    Ok(())
}

#[test]
fn connections_can_be_taken_one_by_one_in_a_loop() -> Result<(), Error> {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new().path("/here"))?;
    let address = server.local_addr()?.to_string();
    let mut incoming = server.incoming_with(|request| match request.check_upgrade() {
        Ok(()) => Decision::accept(()),
        Err(_) => Decision::respond(Response::text(200, "well\n")),
    })?;

    // A client that never finishes its handshake does not delay others.
    let _slow = TcpStream::connect(&address)?;
    assert_eq!(status(&get(&address, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")), "200");
    let error = connect(&format!("ws://{address}/there")).expect_err("another path");
    assert!(matches!(error, Error::Http(response) if response.status() == 404));

    let mut client = connect(&format!("ws://{address}/here"))?;
    let mut ws = incoming.next().expect("a connection");
    client.send("Hello")?;
    assert_eq!(ws.recv()?, Some("Hello".into()));
    incoming.handle().terminate(Some(Duration::ZERO));
    assert!(incoming.next().is_none(), "the server has ended");
    ws.send("still open")?;
    assert_eq!(client.recv()?, Some("still open".into()));
    Ok(())
}
