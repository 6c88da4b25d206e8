//! A server that logs the calls of its handlers, and obeys commands in messages.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ws_std::wsproto::handshake::{Accept, Response};
use ws_std::wsproto::{CloseInfo, ReadyState};
use ws_std::{
    ConnectionHandler, Decision, Error, IncomingRequest, Message, RunningServer, ServerHandle,
    ServerHandler, ServerOptions, WebSocketConnection, WebSocketServer,
};

use crate::net::read_all;

/// Logs its calls, and obeys commands in messages.
struct Recorder {
    log: Log,
}

struct RecordedConnection {
    log: Log,
}

#[derive(Clone, Default)]
pub(crate) struct Log(pub(crate) Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("no panic").push(what.into());
    }

    pub(crate) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

impl ServerHandler for Recorder {
    type Handler = RecordedConnection;

    fn on_connection(
        &mut self,
        _: &ServerHandle,
        request: &IncomingRequest,
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

    fn on_request(
        &mut self,
        _: &ServerHandle,
        request: &IncomingRequest,
    ) -> Decision<RecordedConnection> {
        (request.path() == "/health").then(|| Response::text(200, "well\n")).into()
    }

    fn on_open(&mut self, server: &ServerHandle) {
        assert!(!server.is_terminated() && server.connections().is_empty());
        self.log.note("server open");
    }

    fn on_error(&mut self, _: &ServerHandle, _: Option<SocketAddr>, error: &Error) {
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

pub(crate) struct Running {
    pub(crate) server: RunningServer,
    pub(crate) address: String,
    pub(crate) log: Log,
}

pub(crate) fn start(options: ServerOptions) -> Running {
    let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
    let address = server.local_addr().expect("an address").to_string();
    let log = Log::default();
    let server = server.spawn(Recorder { log: log.clone() }).expect("a thread");
    Running { server, address, log }
}

impl Running {
    /// Ends the server and returns the calls of its handlers.
    pub(crate) fn end(self, timeout: Option<Duration>) -> Vec<String> {
        self.server.handle().terminate(timeout);
        self.server.handle().terminate(None);
        self.server.join();
        self.log.taken()
    }

    /// Waits until the server has no connections.
    pub(crate) fn wait_empty(&self) {
        while !self.server.handle().connections().is_empty() {
            std::thread::yield_now();
        }
    }
}

pub(crate) fn status(response: &[u8]) -> &str {
    std::str::from_utf8(response).ok().and_then(|text| text.split(' ').nth(1)).unwrap_or_default()
}

pub(crate) fn get(address: &str, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.write_all(request.as_bytes()).expect("written");
    read_all(&mut stream)
}
