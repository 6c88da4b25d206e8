//! A publisher and a subscriber that are nothing but the broker's client.

use std::future::poll_fn;
use std::pin::Pin;
use std::thread;

use futures_core::Stream;
use tokio::runtime::{Builder, Runtime};
use ws_bus::async_nats::{self, Client};
use ws_bus::redis::{self, Connection};

use crate::arrivals::Arrivals;

/// The messages of a pipeline of Redis, as many as the bus sends at a time.
const PIPELINE: usize = 256;

pub(crate) struct Bare {
    url: String,
    name: String,
    payload: Vec<u8>,
    publisher: Publisher,
}

enum Publisher {
    Nats(Runtime, Box<Client>),
    Redis(Box<Connection>),
}

impl Bare {
    /// Connects a publisher whose messages are as long as those of a bus.
    pub(crate) fn connect(url: &str, name: String, size: usize) -> Self {
        let publisher = if url.starts_with("nats") {
            let runtime = runtime();
            let client = runtime.block_on(async_nats::connect(url)).expect("a broker");
            Publisher::Nats(runtime, Box::new(client))
        } else {
            Publisher::Redis(Box::new(connect(url)))
        };
        Self { url: url.into(), name, payload: vec![0; 9 + size], publisher }
    }

    /// Publishes messages and waits until they have left.
    pub(crate) fn publish(&mut self, count: usize) {
        match &mut self.publisher {
            Publisher::Nats(runtime, client) => runtime.block_on(async {
                for _ in 0..count {
                    let payload = self.payload.clone().into();
                    client.publish(self.name.clone(), payload).await.expect("open");
                }
                client.flush().await.expect("open");
            }),
            Publisher::Redis(link) => {
                for begin in (0..count).step_by(PIPELINE) {
                    let mut pipeline = redis::pipe();
                    for _ in begin..count.min(begin + PIPELINE) {
                        pipeline.publish(&self.name, &self.payload).ignore();
                    }
                    pipeline.exec(link).expect("open");
                }
            }
        }
    }

    /// Starts a thread that subscribes.
    pub(crate) fn subscribe(&self) -> Arrivals {
        let arrivals = Arrivals::default();
        let (heard, url, name) = (arrivals.clone(), self.url.clone(), self.name.clone());
        thread::spawn(move || {
            if url.starts_with("nats") {
                hear_nats(&url, name, &heard);
            } else {
                hear_redis(&url, &name, &heard);
            }
        });
        arrivals
    }
}

fn hear_nats(url: &str, name: String, heard: &Arrivals) {
    runtime().block_on(async {
        // As much as the bus has.
        let options = async_nats::ConnectOptions::new().subscription_capacity(1 << 20);
        let client = options.connect(url).await.expect("a broker");
        let mut subscriber = client.subscribe(name).await.expect("open");
        while poll_fn(|context| Pin::new(&mut subscriber).poll_next(context)).await.is_some() {
            heard.add(1);
        }
    });
}

fn hear_redis(url: &str, name: &str, heard: &Arrivals) {
    let mut link = connect(url);
    let mut link = link.as_pubsub();
    link.subscribe(name).expect("open");
    while link.get_message().is_ok() {
        heard.add(1);
    }
}

fn connect(url: &str) -> Connection {
    redis::Client::open(url).and_then(|client| client.get_connection()).expect("a broker")
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
