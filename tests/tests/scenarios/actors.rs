//! The actors of the scenarios: a server, its connections and a client, which log their calls.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use conformance::adapters::{Adapter, Client, Refused};
use ws_common::{
    BusState, ClientOptions, ConnectionHandler, Decision, Error, IncomingRequest, Message,
    RunningServer, ServerHandle, ServerHandler, ServerOptions, SubscribeError, WebSocketConnection,
};
use wsproto::handshake::{Accept, ClientRequest, Response};
use wsproto::url::WsUrl;
use wsproto::{CloseInfo, ReadyState};

use crate::raw::LONG;

/// The log of calls, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Log {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0.0.lock().expect("no panic").push(line.into());
        self.0.1.notify_all();
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.0.lock().expect("no panic").clone()
    }

    pub(crate) fn count(&self, start: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(start)).count()
    }

    /// Waits until `count` lines begin with `start`.
    pub(crate) fn wait(&self, count: usize, start: &str) {
        let (until, mut lines) = (Instant::now() + LONG, self.0.0.lock().expect("no panic"));
        while lines.iter().filter(|line| line.starts_with(start)).count() < count {
            let patience = until.saturating_duration_since(Instant::now());
            assert!(!patience.is_zero(), "no {start:?} after {lines:?}");
            lines = self.0.1.wait_timeout(lines, patience).expect("no panic").0;
        }
    }
}

/// Logs its calls, and panics in the call it is told to.
pub(crate) struct Recorder {
    pub(crate) log: Log,
    panic_in: String,
}

impl Recorder {
    pub(crate) fn new(log: &Log) -> Self {
        Self { log: log.clone(), panic_in: String::new() }
    }

    fn note(&self, call: &str, what: &str) {
        self.log.note(format!("{call}{what}"));
        assert_ne!(call, self.panic_in, "as you wish");
    }
}

impl ConnectionHandler for Recorder {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        // Fails if the connection is closing.
        assert!(matches!(ws.ready_state(), ReadyState::Open | ReadyState::Closing));
        if let Some(server) = ws.server() {
            assert_eq!(server.connection(ws.id()).as_ref(), Some(ws));
        }
        self.note("open", "");
    }

    /// A server's connection echoes, or obeys commands.
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        let text = match &message {
            Message::Text(text) if text.len() < 100 => format!(" {text}"),
            Message::Text(text) => format!(" of {} bytes", text.len()),
            Message::Binary(bytes) => format!(" of {} bytes, binary", bytes.len()),
        };
        self.note("message", &text);
        let Some(server) = ws.server() else { return };
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["close"] => ws.terminate(4001.into(), "as you wish").expect("a private code"),
            ["subscribe", topic] => {
                ws.subscribe(topic).expect("open");
                ws.send("done").expect("open");
            }
            ["unsubscribe", topic] => {
                let was = ws.unsubscribe(topic);
                ws.send(if was { "done" } else { "was not" }).expect("open");
            }
            ["publish", topic] => {
                let sent = server.publish(topic, format!("about {topic}")).sent;
                ws.send(format!("reached {sent}")).expect("open");
            }
            ["everybody"] => drop(server.broadcast("hello all")),
            ["end"] => server.terminate(None),
            // Fails if the connection is closing while more messages arrive.
            _ => drop(ws.send(message)),
        }
    }

    fn on_error(&mut self, ws: &WebSocketConnection, error: &Error) {
        assert_ne!(ws.ready_state(), ReadyState::Open);
        self.note("error", &format!(" {error}"));
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        assert_eq!(ws.ready_state(), ReadyState::Closed);
        assert!(ws.send("late").is_err());
        assert!(ws.close(None).is_ok(), "harmless");
        if let Some(server) = ws.server() {
            assert_eq!(server.connection(ws.id()), None);
            assert!(!server.connections().contains(ws));
            assert_eq!(ws.subscribe("late"), Err(SubscribeError::Closed), "nothing is kept for it");
        }
        let CloseInfo { code, reason, was_clean, .. } = info;
        self.note("terminate", &format!(" {} {reason:?} {was_clean}", u16::from(*code)));
    }
}

/// A server whose connections panic in the call that the query of their request names.
pub(crate) struct Host {
    log: Log,
}

impl ServerHandler for Host {
    type Handler = Recorder;

    fn on_connection(
        &mut self,
        server: &ServerHandle,
        request: &IncomingRequest,
    ) -> Decision<Recorder> {
        assert!(!server.is_terminated());
        self.log.note(format!("connection {}", request.target()));
        assert_ne!(request.path(), "/panic", "as you wish");
        if request.path() == "/private" {
            return Decision::respond(Response::text(401, "private\n"));
        }
        let accept = Accept::new().select_subprotocol(request, &["chat.v2", "chat.v1"]);
        let panic_in = request.query().unwrap_or_default().to_owned();
        Decision::accept_with(accept, Recorder { log: self.log.clone(), panic_in })
    }

    fn on_request(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Recorder> {
        (request.path() == "/health").then(|| Response::text(200, "well\n")).into()
    }

    fn on_open(&mut self, server: &ServerHandle) {
        assert!(!server.is_terminated() && server.connections().is_empty());
        self.log.note("server open");
    }

    fn on_bus(&mut self, server: &ServerHandle, state: BusState) {
        assert!(!server.is_terminated());
        self.log.note(format!("server bus {state:?}"));
    }

    fn on_error(&mut self, server: &ServerHandle, _: Option<SocketAddr>, error: &Error) {
        assert!(!server.is_terminated());
        self.log.note(format!("server error {error}"));
    }

    fn on_terminate(&mut self, server: &ServerHandle) {
        assert!(server.is_terminated() && server.connections().is_empty());
        self.log.note("server terminate");
    }
}

/// A running server and its log.
pub(crate) struct Running {
    server: RunningServer,
    pub(crate) log: Log,
}

pub(crate) fn serve<S: Adapter>(configure: impl FnOnce(&mut ServerOptions)) -> Running {
    let (mut options, log) = (ServerOptions::default(), Log::default());
    configure(&mut options);
    let server = S::serve(options, Host { log: log.clone() }).expect("a free port");
    Running { server, log }
}

impl Running {
    pub(crate) fn handle(&self) -> &ServerHandle {
        self.server.handle()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.handle().local_addr().expect("an address")
    }

    pub(crate) fn request(&self, target: &str) -> ClientRequest {
        let url = WsUrl::parse(&format!("ws://{}{target}", self.address())).expect("a URL");
        ClientRequest::new(url)
    }

    pub(crate) fn connect<C: Adapter>(&self, target: &str) -> (Client, Log) {
        self.try_connect::<C>(self.request(target)).expect("it opens")
    }

    pub(crate) fn try_connect<C: Adapter>(
        &self,
        request: ClientRequest,
    ) -> Result<(Client, Log), Refused> {
        let log = Log::default();
        let client = C::connect(request, ClientOptions::default(), Recorder::new(&log))?;
        Ok((client, log))
    }

    /// Ends the server, and returns its log.
    pub(crate) fn end(self) -> Vec<String> {
        self.handle().terminate(None);
        self.join()
    }

    /// Waits until the server has ended, and returns its log.
    pub(crate) fn join(self) -> Vec<String> {
        let handle = self.handle().clone();
        self.server.join();
        assert!(handle.is_terminated() && handle.connections().is_empty());
        let lines = self.log.lines();
        assert_eq!(self.log.count("server open"), 1);
        assert_eq!(self.log.count("server terminate"), 1);
        assert_eq!(lines.first().map(String::as_str), Some("server open"));
        assert_eq!(lines.last().map(String::as_str), Some("server terminate"));
        lines
    }
}
