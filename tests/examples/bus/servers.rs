//! Two servers on a bus, and a client.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use conformance::adapters::{Adapter, Mio};
use conformance::load::open;
use ws_bus::{BusOptions, Nats, Redis};
use ws_common::{
    Bus, BusError, ConnectionHandler, Decision, IncomingRequest, Message, RunningServer,
    ServerHandle, ServerOptions, WebSocketConnection,
};

use crate::arrivals::Arrivals;

pub(crate) struct Servers {
    one: RunningServer,
    other: RunningServer,
    topic: String,
    message: Vec<u8>,
}

impl Servers {
    pub(crate) fn start(url: &str, topic: &str, size: usize) -> Self {
        let bus: Arc<dyn Bus> = if url.starts_with("nats") {
            Arc::new(Nats::connect(url, BusOptions::new()).expect("a URL"))
        } else {
            Arc::new(Redis::connect(url, BusOptions::new()).expect("a URL"))
        };
        let start = || {
            let topic = topic.to_owned();
            // The client reads, but later than a burst arrives.
            let config = wsproto::Config::new().high_water_mark(1 << 30);
            let options = ServerOptions::new().config(config).bus(Arc::clone(&bus));
            let handler = move |_: &ServerHandle, _: &IncomingRequest| {
                Decision::accept(Subscriber(topic.clone()))
            };
            Mio::serve(options, handler).expect("a free port")
        };
        Self { one: start(), other: start(), topic: topic.into(), message: vec![0; size] }
    }

    /// Publishes at the one server.
    pub(crate) fn publish(&self, count: usize) {
        for _ in 0..count {
            loop {
                match self.one.handle().publish(&self.topic, self.message.clone()).elsewhere {
                    Ok(()) => break,
                    Err(BusError::Full | BusError::Down) => thread::sleep(Duration::from_millis(1)),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Connects a client to the other server, with a thread that reads.
    pub(crate) fn connect(&self) -> Arrivals {
        let arrivals = Arrivals::default();
        let (heard, to) = (arrivals.clone(), self.other.handle().local_addr().expect("TCP"));
        let frame = self.message.len() + if self.message.len() < 126 { 2 } else { 4 };
        thread::spawn(move || hear(to, frame, &heard));
        arrivals
    }
}

fn hear(to: SocketAddr, frame: usize, heard: &Arrivals) {
    let mut client = open(to).expect("a server");
    client.set_read_timeout(None).expect("open");
    let (mut buffer, mut rest) = (vec![0; 64 << 10], 0);
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        rest += count;
        // All frames have the same length.
        heard.add(rest / frame);
        rest %= frame;
    }
}

struct Subscriber(String);

impl ConnectionHandler for Subscriber {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        ws.subscribe(&self.0).expect("a short topic");
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}
}
