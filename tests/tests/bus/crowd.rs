//! Clients that listen, all on one event loop.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;
use ws_common::{ClientOptions, ConnectionHandler, Message, WebSocketConnection};
use ws_mio::EventLoop;
use wsproto::handshake::ClientRequest;

use crate::wait_until;

/// Clients that record what they receive.
pub(crate) struct Crowd {
    clients: Vec<(WebSocketConnection, Received)>,
    total: Arc<AtomicUsize>,
}

type Received = Arc<Mutex<Vec<Message>>>;

impl Crowd {
    /// Connects a client for each server and topic, and waits until all have subscribed.
    pub(crate) fn gather(places: impl IntoIterator<Item = (SocketAddr, String)>) -> Self {
        let mut event_loop = EventLoop::new().expect("an event loop");
        let (open, total) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let clients = places.into_iter().map(|(to, topic)| {
            let received = Received::default();
            let listener = Listener {
                open: Arc::clone(&open),
                received: Arc::clone(&received),
                total: Arc::clone(&total),
            };
            let request = ClientRequest::parse(&url(to, &topic)).expect("a URL");
            let options = ClientOptions::new();
            (event_loop.connect(request, options, listener).expect("a socket"), received)
        });
        let clients: Vec<_> = clients.collect();
        thread::spawn(move || event_loop.run().expect("the system can wait for events"));
        let crowd = Self { clients, total };
        wait_until("all are open", || open.load(Ordering::SeqCst) == crowd.clients.len());
        crowd
    }

    /// Connects one client.
    pub(crate) fn one(server: SocketAddr, topic: &str) -> Self {
        Self::gather([(server, topic.to_owned())])
    }

    /// Waits until all together have received this number of messages.
    pub(crate) fn wait(&self, count: usize) {
        wait_until("the messages arrive", || self.total.load(Ordering::SeqCst) >= count);
    }

    /// Returns the number of messages that all together have received.
    pub(crate) fn total(&self) -> usize {
        self.total.load(Ordering::SeqCst)
    }

    /// Takes the messages of each.
    pub(crate) fn take(&self) -> Vec<Vec<Message>> {
        self.clients.iter().map(|(_, received)| std::mem::take(&mut *received.lock())).collect()
    }

    /// Takes the texts that the only client has received.
    pub(crate) fn texts(&self) -> Vec<String> {
        let messages = self.take().into_iter().flatten();
        messages.map(|message| message.as_text().expect("a text").to_owned()).collect()
    }

    /// Closes all connections.
    pub(crate) fn leave(self) {
        for (client, _) in self.clients {
            // It may be closed.
            let _ = client.close(None);
        }
    }
}

struct Listener {
    open: Arc<AtomicUsize>,
    received: Received,
    total: Arc<AtomicUsize>,
}

impl ConnectionHandler for Listener {
    fn on_open(&mut self, _: &WebSocketConnection) {
        self.open.fetch_add(1, Ordering::SeqCst);
    }

    fn on_message(&mut self, _: &WebSocketConnection, message: Message) {
        self.received.lock().push(message);
        self.total.fetch_add(1, Ordering::SeqCst);
    }
}

fn url(to: SocketAddr, topic: &str) -> String {
    let mut url = format!("ws://{to}/?topic=");
    for byte in topic.bytes() {
        write!(url, "%{byte:02X}").expect("a string grows");
    }
    url
}
