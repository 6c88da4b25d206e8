//! Clients and servers with a faulty proxy between them: messages arrive in order or not at all, and every
//! connection ends exactly once. A seed reproduces its faults.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use conformance::adapters::{Adapter, Mio, Std, Tokio};
use conformance::fault::{Dice, FaultProxy, Plan};
use ws_common::{
    ClientOptions, ConnectionHandler, Decision, Message, ServerOptions, WebSocketConnection,
};
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;
use wsproto::{CloseInfo, Config};

const SEEDS: std::ops::Range<u64> = 0..60;
const MESSAGES: usize = 20;
const LONG: Duration = Duration::from_secs(60);

/// Echoes, and counts connections that have opened and ended.
#[derive(Clone, Default)]
struct Echo(Arc<Mutex<(usize, usize)>>);

impl ConnectionHandler for Echo {
    fn on_open(&mut self, _: &WebSocketConnection) {
        self.0.lock().expect("no panic").0 += 1;
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        // Fails if the peer is gone.
        let _ = ws.send(message);
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, _: &CloseInfo) {
        self.0.lock().expect("no panic").1 += 1;
    }
}

/// Sends one message after another, each after the echo of the one before.
struct Talker {
    left: Vec<Message>,
    end: Arc<Mutex<Option<(usize, CloseInfo)>>>,
}

impl Talker {
    fn next(&self, ws: &WebSocketConnection) {
        // Fails if the connection has ended; reading reports it.
        let _ = match self.left.last() {
            Some(message) => ws.send(message.clone()).map(drop),
            None => ws.close(None),
        };
    }
}

impl ConnectionHandler for Talker {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.next(ws);
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        assert!(self.left.pop() == Some(message), "another message comes back");
        self.next(ws);
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        let before = self.end.lock().expect("no panic").replace((self.left.len(), info.clone()));
        assert_eq!(before, None, "it ends once");
    }
}

fn messages(seed: u64) -> Vec<Message> {
    let mut dice = Dice::new(seed);
    let mut message = |number: usize| {
        let size = [10, 100, 1000, 20_000][dice.roll(4)];
        Message::Binary(vec![number as u8; dice.roll(size)])
    };
    (0..MESSAGES).map(&mut message).collect()
}

fn faults<S: Adapter, C: Adapter>() {
    let mut config = Config::default();
    config.close_timeout = Some(Duration::from_millis(500));
    let options = ServerOptions::from(config.clone());
    let (echo, counts) = {
        let echo = Echo::default();
        (echo.clone(), echo.0)
    };
    let server = S::serve(options, move |_: &_, _: &_| Decision::accept(echo.clone()));
    let server = server.expect("a free port");
    let address = server.handle().local_addr().expect("an address");
    for seed in SEEDS {
        let plan = Plan::new(seed);
        println!("seed {seed}: {plan}");
        let proxy = FaultProxy::start(address, seed).expect("a free port");
        let url = WsUrl::parse(&format!("ws://{}/", proxy.address)).expect("a URL");
        let end = Arc::default();
        let talker = Talker { left: messages(seed), end: Arc::clone(&end) };
        let client =
            C::connect(ClientRequest::new(url), ClientOptions::from(config.clone()), talker);
        match client {
            Ok(client) => {
                client.join();
                let (left, info) = end.lock().expect("no panic").take().expect("an end");
                if plan.is_harmless() {
                    assert_eq!((left, info.was_clean), (0, true), "{info:?}");
                }
                assert!(left == 0 || !info.was_clean, "{info:?}");
            }
            Err(refused) => assert!(!plan.is_harmless(), "{refused:?}"),
        }
    }
    let until = Instant::now() + LONG;
    while !server.handle().connections().is_empty() {
        assert!(Instant::now() < until, "{:?} are left", server.handle().connections());
        std::thread::yield_now();
    }
    server.handle().terminate(None);
    server.join();
    let (opened, ended) = *counts.lock().expect("no panic");
    assert_eq!(opened, ended);
    assert!(opened > SEEDS.count() / 2, "most get through the handshake");
}

#[test]
fn std_with_std() {
    faults::<Std, Std>();
}

#[test]
fn std_with_mio() {
    faults::<Std, Mio>();
}

#[test]
fn mio_with_std() {
    faults::<Mio, Std>();
}

#[test]
fn mio_with_mio() {
    faults::<Mio, Mio>();
}

#[test]
fn std_with_tokio() {
    faults::<Std, Tokio>();
}

#[test]
fn tokio_with_mio() {
    faults::<Tokio, Mio>();
}

#[test]
fn tokio_with_tokio() {
    faults::<Tokio, Tokio>();
}
