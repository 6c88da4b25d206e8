use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{MemoryBus, TestClient, TestServer};
use crate::{
    Bus, BusConnection, BusError, BusSink, BusState, ConnectionHandler, Decision, IncomingRequest,
    Message, ServerHandle, ServerHandler, ServerOptions, SubscribeError, TimerId,
    WebSocketConnection,
};

type Log = Arc<Mutex<Vec<String>>>;

const LINGER: Duration = Duration::from_secs(10);

/// Subscribes and unsubscribes as it is told.
struct Obedient;

impl ConnectionHandler for Obedient {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        match message.as_text().and_then(|text| text.split_once(' ')) {
            Some(("leave", topic)) => assert!(ws.unsubscribe(topic)),
            Some((_, topic)) => ws.subscribe(topic).unwrap(),
            None => ws.close(None).unwrap(),
        }
    }
}

/// Logs the calls about the bus, and panics when it is down.
struct Told(Log);

impl ServerHandler for Told {
    type Handler = Obedient;

    fn on_open(&mut self, server: &ServerHandle) {
        assert_eq!(server.publish("any", "at the start").elsewhere, Ok(()));
    }

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Obedient> {
        Decision::accept(Obedient)
    }

    fn on_timer(&mut self, _: &ServerHandle, _: TimerId) {
        self.0.lock().push("timer".into());
    }

    fn on_bus(&mut self, _: &ServerHandle, state: BusState) {
        self.0.lock().push(format!("{state:?}"));
        assert_ne!(state, BusState::Down, "as it was told");
    }
}

fn server(bus: impl Bus + 'static) -> (TestServer, Log) {
    let log = Log::default();
    let options = ServerOptions::new().bus(bus);
    (TestServer::with_options(options, Told(Arc::clone(&log))), log)
}

fn subscriber(server: &TestServer, topic: &str) -> TestClient {
    let client = server.connect();
    client.send(format!("join {topic}"));
    assert_eq!(client.subscriptions(), [topic]);
    client
}

#[test]
fn messages_reach_the_subscribers_of_all_servers_once() {
    let bus = MemoryBus::new();
    let ((one, _), (two, _), (three, _)) = (server(bus.clone()), server(bus.clone()), server(bus));
    let here = [subscriber(&one, "news"), subscriber(&one, "news")];
    let there = [subscriber(&two, "news"), subscriber(&two, "news")];
    let other = subscriber(&three, "weather");
    for message in [Message::from("text"), Message::from(vec![0xFF, 0])] {
        let done = one.handle().publish("news", message.clone());
        assert_eq!((done.sent, done.refused.len(), done.elsewhere), (2, 0, Ok(())));
        for client in here.iter().chain(&there) {
            assert_eq!(client.received(), std::slice::from_ref(&message));
        }
    }
    // To all others: the sender is left out here, and there is none elsewhere.
    assert_eq!(here[0].connection().publish("news", "to others").sent, 1);
    assert_eq!(here[0].received(), []);
    for client in there.iter().chain(&here[1..]) {
        assert_eq!(client.received(), ["to others".into()]);
    }
    for done in [
        one.handle().publish_here("news", "here"),
        one.handle().broadcast("here"),
        here[0].connection().publish_here("news", "here"),
        here[0].connection().broadcast("here"),
    ] {
        assert!(done.sent > 0 && done.elsewhere.is_ok());
    }
    assert!(there.iter().all(|client| client.received().is_empty()));
    assert_eq!(here[0].received().len(), 2);
    assert_eq!(other.received(), []);
    assert_eq!(three.handle().publish("news", "from one without subscribers").sent, 0);
    assert_eq!(there[0].received().len(), 1);
}

#[test]
fn topics_are_subscribed_on_demand_and_linger() {
    let bus = MemoryBus::new();
    let (server, log) = server(bus.clone());
    let (first, second) = (subscriber(&server, "a"), subscriber(&server, "a"));
    let both = subscriber(&server, "b");
    assert_eq!(bus.topics(), [["a", "b"]]);
    first.send("leave a");
    server.advance(2 * LINGER);
    assert_eq!(bus.topics(), [["a", "b"]], "one is left");

    second.send("close");
    server.advance(LINGER / 2);
    both.send("leave b");
    server.advance(LINGER / 2 - Duration::from_nanos(1));
    assert_eq!(bus.topics(), [["a", "b"]]);
    first.send("join a");
    server.advance(Duration::from_secs(1));
    assert_eq!(bus.topics(), [["a", "b"]], "it has come back in time");
    server.advance(LINGER / 2);
    assert_eq!(bus.topics(), [["a"]]);

    first.send("leave a");
    server.advance(LINGER - Duration::from_nanos(1));
    assert_eq!(bus.topics(), [["a"]]);
    server.advance(Duration::from_nanos(1));
    assert_eq!(bus.topics(), [<[&str; 0]>::default()]);
    assert_eq!(*log.lock(), ["Up"], "the timers of the bus are not told");
}

#[test]
fn topics_that_end_one_after_the_other_cost_few_timers() {
    let bus = MemoryBus::new();
    let (server, _) = server(bus.clone());
    let client = server.connect();
    for number in 0..1000 {
        client.send(format!("join {number}"));
        client.send(format!("leave {number}"));
        server.advance(Duration::from_millis(1));
    }
    let mut timers = 0;
    while let Some(at) = server.handle().timers().next() {
        server.advance(at.saturating_duration_since(server.handle().now()));
        timers += 1;
    }
    assert!(timers <= 4, "{timers}");
    assert_eq!(bus.topics(), [<[&str; 0]>::default()]);
}

#[test]
fn the_handler_is_told_when_the_bus_goes_and_comes() {
    let bus = MemoryBus::new();
    let (server, log) = server(bus.clone());
    server.advance(Duration::ZERO);
    assert_eq!(*log.lock(), ["Up"]);
    let take = || std::mem::take(&mut *log.lock());
    take();
    bus.set_state(BusState::Up);
    server.advance(Duration::ZERO);
    assert!(take().is_empty(), "nothing has changed");

    bus.set_state(BusState::Down);
    server.advance(Duration::ZERO);
    assert_eq!(take(), ["Down"], "and its panic is caught");
    bus.set_state(BusState::Up);
    server.handle().set_timer(Duration::from_secs(1));
    server.advance(Duration::from_secs(1));
    assert_eq!(take(), ["Up", "timer"]);

    // While the handler has no turn, only the last loss is kept.
    for _ in 0..100 {
        bus.set_state(BusState::Down);
        bus.set_state(BusState::Up);
    }
    server.advance(Duration::ZERO);
    assert_eq!(take(), ["Down", "Up"]);
    bus.set_state(BusState::Down);
    bus.set_state(BusState::Up);
    bus.set_state(BusState::Down);
    server.advance(Duration::ZERO);
    assert_eq!(take(), ["Down"]);
}

#[test]
fn messages_that_the_bus_refuses_are_delivered_here() {
    let bus = MemoryBus::new();
    let (one, two) = (server(bus.clone()).0, server(bus.clone()).0);
    let topic = "t".repeat(200);
    let (here, there) = (subscriber(&one, &topic), subscriber(&two, &topic));
    let publish = |message: &str| {
        let done = one.handle().publish(&topic, message);
        assert_eq!((done.sent, here.received()), (1, vec![message.into()]));
        done.elsewhere
    };
    for error in [BusError::TooBig, BusError::Full] {
        bus.refuse(error);
        assert_eq!(publish("refused"), Err(error));
    }
    bus.set_state(BusState::Down);
    assert_eq!(publish("down"), Err(BusError::Down));
    assert_eq!(there.received(), []);

    bus.refuse(None);
    bus.set_state(BusState::Up);
    assert_eq!(publish("again"), Ok(()));
    assert_eq!(there.received(), ["again".into()]);
}

#[test]
fn a_topic_has_a_limit() {
    for server in [server(MemoryBus::new()).0, TestServer::new(|_: &_, _: &_| Decision::accept(()))]
    {
        let (client, limit) = (server.connect(), "\u{fc}".repeat(100));
        assert_eq!(client.connection().subscribe(&limit), Ok(()));
        assert_eq!(client.connection().subscribe(""), Ok(()));
        assert_eq!(server.handle().publish(&limit, "x").sent, 1);
        assert_eq!(server.handle().publish("", "y").sent, 1);
        let long = limit + "x";
        let refused = client.connection().subscribe(&long).unwrap_err();
        assert_eq!(refused, SubscribeError::TopicTooLong(201));
        assert_eq!(refused.to_string(), "the topic has 201 bytes, more than 200");
        assert!(!client.connection().unsubscribe(&long));
        for done in [server.handle().publish(&long, "z"), server.handle().publish_here(&long, "z")]
        {
            assert_eq!((done.sent, done.elsewhere), (0, Err(BusError::TopicTooLong)));
        }
        assert_eq!(client.received(), ["x".into(), "y".into()]);
    }
}

/// A bus of one server, which logs its calls and keeps what the server publishes.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    calls: Vec<String>,
    published: Vec<Vec<u8>>,
    sink: Option<Arc<dyn BusSink>>,
}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorded")
    }
}

impl Recorded {
    fn log(&self, call: impl Into<String>) {
        self.0.lock().calls.push(call.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().calls)
    }

    fn sink(&self) -> Arc<dyn BusSink> {
        self.0.lock().sink.clone().unwrap()
    }
}

impl Bus for Recorded {
    fn join(&self, sink: Arc<dyn BusSink>) -> Box<dyn BusConnection> {
        self.0.lock().sink = Some(sink);
        Box::new(self.clone())
    }
}

impl BusConnection for Recorded {
    fn publish(&self, topic: &str, payload: Vec<u8>) -> Result<(), BusError> {
        self.0.lock().published.push(payload);
        self.log(format!("publish {topic}"));
        Ok(())
    }

    fn subscribe(&self, topic: &str) {
        self.log(format!("subscribe {topic}"));
    }

    fn unsubscribe(&self, topic: &str) {
        self.log(format!("unsubscribe {topic}"));
    }

    fn close(&self) {
        self.log("close");
    }
}

#[test]
fn arriving_payloads_are_checked_and_not_passed_on() {
    let bus = Recorded::default();
    let (server, _) = server(bus.clone());
    let client = subscriber(&server, "news");
    server.handle().publish("news", "own");
    assert_eq!(client.received(), ["own".into()]);
    let own = bus.0.lock().published.pop().unwrap();
    assert_eq!(bus.take(), ["publish any", "subscribe news", "publish news"]);

    let sink = bus.sink();
    for ignored in
        [&own[..], b"", b"\x01short", b"\x09\0\0\0\0\0\0\0\0ping", b"\x01\0\0\0\0\0\0\0\0\xFF"]
    {
        sink.deliver("news", ignored);
    }
    sink.deliver("unknown", b"\x01\0\0\0\0\0\0\0\0text");
    assert_eq!(client.received(), []);
    sink.deliver("news", b"\x01\0\0\0\0\0\0\0\0text");
    sink.deliver("news", b"\x02\0\0\0\0\0\0\0\0\xFF");
    assert_eq!(client.received(), ["text".into(), vec![0xFF].into()]);
    assert!(bus.take().is_empty());
}

#[test]
fn a_server_leaves_the_bus_at_its_end() {
    let bus = Recorded::default();
    let (server, log) = server(bus.clone());
    let client = subscriber(&server, "news");
    let handle = server.handle().clone();
    bus.sink().down();
    bus.sink().up();
    server.terminate();
    assert_eq!(bus.take(), ["publish any", "subscribe news", "close"]);
    assert_eq!(*log.lock(), ["Down", "Up"]);
    // Late calls have no effect.
    let sink = bus.sink();
    sink.down();
    sink.deliver("news", b"\x01\0\0\0\0\0\0\0\0text");
    assert_eq!(client.connection().subscribe("late"), Err(SubscribeError::Closed));
    drop((client, handle));
    assert_eq!(bus.take(), ["close"]);
    sink.up();
    sink.deliver("news", b"\x01\0\0\0\0\0\0\0\0text");
}

#[test]
fn a_server_that_is_dropped_leaves_the_bus() {
    let bus = Recorded::default();
    let (first, _) = server(bus.clone());
    let handle = first.handle().clone();
    drop(first);
    // Nobody can accept for it any more.
    assert_eq!(bus.take(), ["publish any", "close"]);
    assert!(handle.is_terminated());
    drop(handle);
    assert_eq!(bus.take(), ["close"]);
    bus.sink().up();

    let bus = MemoryBus::new();
    let (first, second) = (server(bus.clone()).0, server(bus.clone()).0);
    let _client = subscriber(&second, "news");
    assert_eq!(bus.topics(), [vec![], vec!["news"]]);
    first.handle().clone().terminate(None);
    drop(first);
    assert_eq!(bus.topics(), [["news"]]);
    second.terminate();
    assert!(bus.topics().is_empty());
}
