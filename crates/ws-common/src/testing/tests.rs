//! The order of calls, and what is recorded.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wsproto::handshake::{ClientRequest, Response};
use wsproto::{CloseCode, CloseFrame, CloseInfo};

use super::{TestServer, connect};
use crate::{
    ConnectionHandler, Decider, Decision, Error, IncomingRequest, Message, SendStatus,
    ServerHandle, ServerHandler, ServerOptions, TimerId, WebSocketConnection, handler,
};

type Log = Arc<Mutex<Vec<String>>>;

fn log(log: &Log, call: impl Into<String>) {
    log.lock().unwrap().push(call.into());
}

fn take(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

/// Logs its calls, and does what the messages say.
struct Obedient(Log);

impl ConnectionHandler for Obedient {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        log(&self.0, "open");
        ws.set_timer(Duration::from_secs(5));
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        let text = message.as_text().unwrap();
        log(&self.0, text);
        match text.split_once(' ').unwrap_or((text, "")) {
            ("subscribe", topic) => drop(ws.subscribe(topic)),
            ("unsubscribe", topic) => drop(ws.unsubscribe(topic)),
            ("publish", topic) => drop(ws.publish(topic, "published")),
            ("close", reason) => ws.terminate(CloseCode::GOING_AWAY, reason).unwrap(),
            ("abort", _) => ws.abort(),
            ("panic", _) => panic!("as it was told"),
            ("fill", _) => while ws.send_binary(&[0; 1000]).is_ok() {},
            _ => drop(ws.send(message)),
        }
    }

    fn on_drained(&mut self, _: &WebSocketConnection) {
        log(&self.0, "drained");
    }

    fn on_timer(&mut self, _: &WebSocketConnection, _: TimerId) {
        log(&self.0, "timer");
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        log(&self.0, format!("error: {error}"));
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        log(&self.0, format!("end {}", u16::from(info.code)));
    }
}

fn code(info: Option<CloseInfo>) -> u16 {
    info.expect("an end").code.into()
}

#[test]
fn a_handler_is_called_in_order_and_recorded() {
    let calls = Log::default();
    let client = connect(Obedient(calls.clone()));
    assert_eq!(take(&calls), ["open"]);
    client.send("a");
    client.send("b");
    assert_eq!(take(&calls), ["a", "b"]);
    assert_eq!(client.received(), ["a".into(), "b".into()]);
    assert_eq!(client.received(), []);

    client.server().advance(Duration::from_millis(4999));
    assert!(take(&calls).is_empty());
    client.server().advance(Duration::from_millis(1));
    assert_eq!(take(&calls), ["timer"]);

    assert_eq!(client.close_info(), None);
    client.send("close enough said");
    assert_eq!(take(&calls), ["close enough said", "end 1001"]);
    let info = client.close_info().unwrap();
    assert_eq!((info.code, &*info.reason), (CloseCode::GOING_AWAY, "enough said"));
    assert!(info.was_clean);
}

#[test]
fn every_end_is_told() {
    type End = fn(&super::TestClient);
    let ends: [(End, &[&str], u16); 4] = [
        (|client| client.close(CloseFrame::normal("done").unwrap()), &["end 1000"], 1000),
        (|client| client.vanish(), &["end 1006"], 1006),
        (|client| client.send("abort"), &["abort", "end 1006"], 1006),
        (|client| client.send("panic"), &["panic"], 1011),
    ];
    for (end, expected, seen) in ends {
        let calls = Log::default();
        let client = connect(Obedient(calls.clone()));
        client.send("subscribe news");
        assert_eq!(client.subscriptions(), ["news"]);
        take(&calls);
        end(&client);
        assert_eq!(take(&calls), expected);
        assert_eq!(code(client.close_info()), seen);
        assert!(
            client.subscriptions().is_empty() && client.server().handle().connections().is_empty()
        );
    }
}

#[test]
fn a_client_that_does_not_read_fills_the_connection() {
    let calls = Log::default();
    let client = connect(Obedient(calls.clone()));
    client.set_reading(false);
    client.send("fill");
    assert!(client.connection().buffered_amount() > 60_000 && client.received().is_empty());
    // Replies are counted apart from other messages.
    while client.connection().send_binary(&[0; 1000]).is_ok() {}
    assert!(matches!(client.connection().send("x"), Err(Error::WouldExceed(Some(_)))));
    client.set_reading(true);
    assert!(client.received().len() > 120 && client.connection().buffered_amount() == 0);
    assert_eq!(take(&calls), ["open", "fill", "drained"]);
    assert_eq!(client.connection().send("x").unwrap(), SendStatus::Sent);
    assert_eq!(client.received(), ["x".into()]);

    // Back pressure ends a peer that never reads (`write_timeout`).
    client.set_reading(false);
    client.send("fill");
    client.server().advance(Duration::from_secs(100));
    let calls = take(&calls);
    assert!(calls.iter().any(|call| call.starts_with("error")), "{calls:?}");
}

#[test]
fn what_is_published_reaches_the_others() {
    let calls = Log::default();
    let log = calls.clone();
    let server = TestServer::new(move |_: &_, _: &_| Decision::accept(Obedient(log.clone())));
    let clients = [server.connect(), server.connect(), server.connect()];
    clients[0].send("subscribe news");
    clients[1].send("subscribe news");
    clients[1].send("subscribe sports");
    assert_eq!(clients[1].subscriptions(), ["news", "sports"]);
    clients[0].send("publish news");
    assert_eq!(clients.each_ref().map(|client| client.received().len()), [0, 1, 0]);
    clients[1].send("unsubscribe news");
    assert_eq!(clients[1].subscriptions(), ["sports"]);
    assert_eq!(server.handle().stats().open, 3);
}

/// Logs the calls of a server's handler, and keeps its postponed decisions.
struct Gate(Log, Arc<Mutex<Vec<Decider<Obedient>>>>);

impl ServerHandler for Gate {
    type Handler = Obedient;

    fn on_connection(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Obedient> {
        log(&self.0, request.path());
        match request.path() {
            "/later" => {
                let (decision, decider) = Decision::later();
                self.1.lock().unwrap().push(decider);
                decision
            }
            "/no" => Decision::respond(Response::text(401, "No\n")),
            _ => Decision::accept(Obedient(Log::default())),
        }
    }

    fn on_open(&mut self, _: &ServerHandle) {
        log(&self.0, "open");
    }

    fn on_timer(&mut self, _: &ServerHandle, _: TimerId) {
        log(&self.0, "server's timer");
    }

    fn on_terminate(&mut self, _: &ServerHandle) {
        log(&self.0, "end");
    }
}

fn open_to_all(calls: &Log) -> impl ServerHandler {
    Gate(calls.clone(), Arc::default())
}

#[test]
fn a_server_decides_and_ends() {
    let (calls, deciders) = (Log::default(), Arc::default());
    let options = ServerOptions::new().max_connections(3);
    let gate = Gate(calls.clone(), Arc::clone(&deciders));
    let server = TestServer::with_options(options, gate);
    let connect = |path: &str| {
        server.connect_with(ClientRequest::parse(&format!("ws://localhost{path}")).unwrap())
    };
    let no = connect("/no");
    assert_eq!(no.refusal().unwrap().body_bytes(), b"No\n");
    assert_eq!(code(no.close_info()), 1006);

    let later = connect("/later");
    assert!(later.refusal().is_none() && server.handle().connections().is_empty());
    deciders.lock().unwrap().pop().unwrap().decide(Decision::accept(Obedient(calls.clone())));
    later.send("decided");
    assert_eq!(later.received(), ["decided".into()]);
    let dropped = connect("/later");
    deciders.lock().unwrap().clear();
    assert_eq!(dropped.refusal().unwrap().status(), 503);
    server.advance(Duration::from_secs(5));

    let (yes, _also) = (connect("/yes"), connect("/yes"));
    assert_eq!(connect("/full").refusal().unwrap().status(), 503);
    assert_ne!(yes.connection().peer_addr(), later.connection().peer_addr());
    take(&calls);
    server.clone().terminate();
    assert_eq!(take(&calls), ["end 1006", "end"]);
    assert_eq!(code(yes.close_info()), 1006);
}

/// A keep-alive is answered for a day, and ends a client that no longer reads.
#[test]
fn time_is_virtual() {
    let client = connect(handler(|_, _| {}));
    client.server().advance(Duration::from_secs(86_400));
    assert_eq!(client.close_info(), None);
    assert!(client.connection().round_trip().is_some());
    client.set_reading(false);
    client.server().advance(Duration::from_secs(90));
    client.set_reading(true);
    assert!(client.connection().close_info().is_some());
}

/// The timers of a server and of its connections, and the limits for an address, follow one clock.
#[test]
fn the_time_of_a_server_is_virtual() {
    let calls = Log::default();
    let (log, one) = (calls.clone(), Duration::from_secs(1));
    let options = ServerOptions::new().max_attempts_per_address(1, one * 3600);
    let server = TestServer::with_options(options, open_to_all(&calls));
    let _client = server.connect();
    assert_eq!(server.connect().refusal().unwrap().status(), 429);
    take(&calls);
    server.handle().set_timer(one * 3600);
    let cancelled = server.handle().set_timer(one * 60);
    assert!(server.handle().cancel_timer(cancelled));
    server.advance(one * 3599);
    assert!(take(&log).is_empty());
    server.advance(one);
    assert_eq!(take(&log), ["server's timer"]);
    assert!(server.connect().refusal().is_none());
}

/// A server that its own handler ends: its connections get a Close, those that do not answer are aborted in time,
/// and then comes the last call.
#[test]
fn a_server_that_ends_itself_makes_its_last_call() {
    let calls = Log::default();
    let server = TestServer::new(open_to_all(&calls));
    let (client, silent) = (server.connect(), server.connect());
    silent.set_reading(false);
    take(&calls);
    server.handle().terminate(Some(Duration::from_secs(5)));
    assert_eq!(code(client.close_info()), 1001);
    server.advance(Duration::from_millis(4999));
    assert!(take(&calls).is_empty() && !server.handle().is_terminated());
    server.advance(Duration::from_millis(1));
    assert_eq!(take(&calls), ["end"]);
    assert!(server.handle().is_terminated() && silent.connection().close_info().is_some());
    server.terminate();
    assert!(take(&calls).is_empty());
}

#[test]
#[should_panic(expected = "nothing listens")]
fn a_server_that_ends_accepts_nobody() {
    let server = TestServer::new(open_to_all(&Log::default()));
    server.handle().terminate(None);
    let _ = server.connect();
}

/// Sets a timer without a delay whenever one expires.
struct Hurried;

impl ConnectionHandler for Hurried {
    fn on_message(&mut self, ws: &WebSocketConnection, _: Message) {
        ws.set_timer(Duration::ZERO);
    }

    fn on_timer(&mut self, ws: &WebSocketConnection, _: TimerId) {
        ws.set_timer(Duration::ZERO);
    }
}

#[test]
#[should_panic(expected = "keep each other busy")]
fn timers_without_a_delay_are_detected() {
    connect(Hurried).send("begin");
}

impl ServerHandler for Hurried {
    type Handler = ();

    fn on_connection(&mut self, server: &ServerHandle, _: &IncomingRequest) -> Decision<()> {
        server.set_timer(Duration::ZERO);
        Decision::accept(())
    }

    fn on_timer(&mut self, server: &ServerHandle, _: TimerId) {
        server.set_timer(Duration::ZERO);
    }
}

#[test]
#[should_panic(expected = "keep each other busy")]
fn timers_of_a_server_without_a_delay_are_detected() {
    let _ = TestServer::new(Hurried).connect();
}

#[test]
fn messages_and_bytes_are_counted() {
    let client = connect(handler(|ws, message| drop(ws.send(message))));
    let stats = || client.server().handle().stats();
    let before = stats();
    assert!(before.bytes_in > 100 && before.bytes_out > 100, "the opening handshake");
    client.send("12345678");
    let after = stats();
    assert_eq!((after.messages_in, after.messages_out), (1, 1));
    // A client's frame has a masking key of 4 bytes.
    assert_eq!((after.bytes_in - before.bytes_in, after.bytes_out - before.bytes_out), (14, 10));
}

#[test]
fn a_boxed_handler_is_a_handler() {
    let log = Log::default();
    let boxes = Arc::clone(&log);
    let server = TestServer::new(move |_: &_, request: &IncomingRequest| {
        Decision::accept(match request.path() {
            "/" => Box::new(Obedient(Arc::clone(&boxes))) as Box<dyn ConnectionHandler>,
            _ => Box::new(handler(|ws, _| drop(ws.send("closure")))),
        })
    });
    let other = ClientRequest::parse("ws://localhost/other").unwrap();
    let (client, other) = (server.connect(), server.connect_with(other));
    client.set_reading(false);
    client.send("fill");
    client.set_reading(true);
    server.advance(Duration::from_secs(5));
    client.set_reading(false);
    server.advance(Duration::from_secs(90));
    other.send("anything");
    assert_eq!(other.received(), ["closure".into()]);
    let mut calls = take(&log);
    assert!(calls.remove(4).starts_with("error: "));
    assert_eq!(calls, ["open", "fill", "drained", "timer", "end 1006"]);
}

/// Sends a Ping after each Pong.
struct Restless;

impl ConnectionHandler for Restless {
    fn on_message(&mut self, ws: &WebSocketConnection, _: Message) {
        let _ = ws.ping(b"");
    }

    fn on_pong(&mut self, ws: &WebSocketConnection, _: &[u8]) {
        let _ = ws.ping(b"");
    }
}

#[test]
#[should_panic(expected = "keep each other busy")]
fn handlers_that_never_rest_are_detected() {
    connect(Restless).send("begin");
}
