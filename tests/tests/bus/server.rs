//! Servers on a bus.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use conformance::adapters::Adapter;
use parking_lot::{Condvar, Mutex};
use ws_bus::BusOptions;
use ws_common::{
    Broadcast, Bus, BusError, BusState, ConnectionHandler, Decision, IncomingRequest, Message,
    RunningServer, ServerHandle, ServerHandler, ServerOptions, WebSocketConnection,
};

use crate::LONG;
use crate::broker::Broker;

/// A server whose clients subscribe the topic of their request.
pub(crate) struct Server {
    running: RunningServer,
    bus: Arc<Changes>,
}

impl Server {
    /// Starts a server on a broker, and waits until its bus is up.
    pub(crate) fn start<S: Adapter>(broker: &Broker, name: &str, options: BusOptions) -> Self {
        let server = Self::on::<S>(broker.bus(name, options));
        server.wait(BusState::Up, 1);
        server
    }

    /// Starts a server on a bus that need not come up.
    pub(crate) fn on<S: Adapter>(bus: Arc<dyn Bus>) -> Self {
        let changes = Arc::<Changes>::default();
        // Clients read, but later than a burst from the broker arrives.
        let options = ServerOptions::new().high_water_mark(64 << 20).bus(bus);
        let running = S::serve(options, App(Arc::clone(&changes))).expect("a free port");
        Self { running, bus: changes }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.handle().local_addr().expect("TCP has addresses")
    }

    pub(crate) fn handle(&self) -> &ServerHandle {
        self.running.handle()
    }

    pub(crate) fn publish(&self, topic: &str, message: impl Into<Message>) -> Broadcast {
        self.handle().publish(topic, message)
    }

    /// Publishes a message, which leaves for other servers sooner or later.
    pub(crate) fn must_publish(&self, topic: &str, message: &str) {
        loop {
            match self.publish_elsewhere(topic, message) {
                Ok(()) => return,
                Err(BusError::Full) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => panic!("{topic:?}: {error}"),
            }
        }
    }

    pub(crate) fn publish_elsewhere(&self, topic: &str, message: &str) -> Result<(), BusError> {
        self.publish(topic, message).elsewhere
    }

    /// Waits until the handler has heard of a state this number of times.
    pub(crate) fn wait(&self, state: BusState, count: usize) {
        let mut changes = self.bus.list.lock();
        while changes.iter().filter(|change| **change == state).count() < count {
            let waited = self.bus.changed.wait_for(&mut changes, LONG);
            assert!(!waited.timed_out(), "{state:?} {count} times: {changes:?}");
        }
    }

    /// Returns the changes that the handler has heard of.
    pub(crate) fn changes(&self) -> Vec<BusState> {
        self.bus.list.lock().clone()
    }

    pub(crate) fn end(self) {
        self.handle().terminate(None);
        self.running.join();
    }
}

#[derive(Default)]
struct Changes {
    list: Mutex<Vec<BusState>>,
    changed: Condvar,
}

struct App(Arc<Changes>);

impl ServerHandler for App {
    type Handler = Subscriber;

    fn on_connection(
        &mut self,
        _: &ServerHandle,
        request: &IncomingRequest,
    ) -> Decision<Subscriber> {
        let topic = request.query_pairs().find(|(key, _)| key == "topic");
        match topic {
            Some((_, topic)) => Decision::accept(Subscriber(topic.into_owned())),
            None => Decision::decline(),
        }
    }

    fn on_bus(&mut self, _: &ServerHandle, state: BusState) {
        self.0.list.lock().push(state);
        self.0.changed.notify_all();
    }
}

struct Subscriber(String);

impl ConnectionHandler for Subscriber {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        ws.subscribe(&self.0).expect("a short topic");
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}
}
