//! Leaks of ended connections and servers. The tests count descriptors, so they have a process of their own
//! and run one at a time. The numbers are those of `faults.txt`.
#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../faults_shared/support/mod.rs"]
mod support;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conformance::adapters::{Adapter, Mio, Std, Tokio};
use ws_common::{
    ClientOptions, ConnectionHandler, Decision, IncomingRequest, Message, RunningServer,
    ServerHandle, ServerHandler, ServerOptions, WebSocketConnection,
};
use wsproto::{CloseInfo, ReadyState};

use support::{Peer, address, connect, echo, end, wait_until};

static ALONE: Mutex<()> = Mutex::new(());

/// Waits for the test's turn.
fn alone() -> MutexGuard<'static, ()> {
    // A poisoned lock is a failed test, which is over.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("a list").count()
}

/// Opens the descriptors that a process opens only once.
fn warm_up<A: Adapter>() {
    let server = echo::<A>(ServerOptions::new());
    let client = connect::<A>(address(&server), ClientOptions::new(), |_: &_, _| {});
    let client = client.expect("it opens");
    client.ws.close(None).expect("open");
    client.join();
    Peer::open(address(&server)).echoes();
    end(server);
}

fn settles(what: &str, before: usize) {
    wait_until(what, || descriptors() <= before);
}

/// Opens 200 connections one after another, ends them in different ways, and keeps their handles.
fn handles_of_the_dead(server: &RunningServer) -> Vec<WebSocketConnection> {
    let mut handles = Vec::new();
    for number in 0..200 {
        let mut peer = Peer::open(address(server));
        peer.echoes();
        let ws = server.handle().connections().pop().expect("a connection");
        match number % 4 {
            0 => drop(peer),
            1 => peer.reset(),
            2 => ws.abort(),
            _ => {
                peer.send(b"\x88\x80\0\0\0\0");
                peer.frame();
            }
        }
        wait_until("it ends", || server.handle().connections().is_empty());
        handles.push(ws);
    }
    handles
}

// B3: handles of a server's connections and of clients.
fn handles_of_the_dead_keep_no_descriptor<A: Adapter>() {
    let _alone = alone();
    warm_up::<A>();
    let none = descriptors();
    let server = echo::<A>(ServerOptions::new());
    Peer::open(address(&server)).echoes();
    wait_until("it ends", || server.handle().connections().is_empty());
    let before = descriptors();
    let handles = handles_of_the_dead(&server);
    settles("a server's connections", before);
    for ws in &handles {
        assert_eq!(ws.ready_state(), ReadyState::Closed);
        wait_until("how it ended", || ws.close_info().is_some());
        assert!(ws.peer_addr().is_some() && ws.send("late").is_err());
    }

    let mut clients = Vec::new();
    for number in 0..50 {
        let client = connect::<A>(address(&server), ClientOptions::new(), |_: &_, _| {});
        let client = client.expect("it opens");
        if number % 2 == 0 {
            client.ws.abort();
        } else {
            client.ws.close(None).expect("open");
        }
        clients.push(client.ws.clone());
        client.join();
    }
    settles("clients", before);
    assert!(clients.iter().all(|ws| ws.close_info().is_some()));
    end(server);
    settles("a server", none);
    drop((handles, clients));
}

/// Counts its living instances.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Keeps the handles of its connections and of the server.
struct Hoarder {
    counted: Counted,
    server: Option<ServerHandle>,
    hoard: Hoard,
}

type Hoard = Arc<Mutex<Vec<WebSocketConnection>>>;

impl ServerHandler for Hoarder {
    type Handler = Hoarded;

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Hoarded> {
        let counted = Counted::new(&self.counted.0);
        Decision::accept(Hoarded { _counted: counted, hoard: Arc::clone(&self.hoard), ws: None })
    }

    fn on_open(&mut self, server: &ServerHandle) {
        self.server = Some(server.clone());
    }
}

/// A handler in a reference cycle with its own handle.
struct Hoarded {
    _counted: Counted,
    hoard: Hoard,
    ws: Option<WebSocketConnection>,
}

impl ConnectionHandler for Hoarded {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.ws = Some(ws.clone());
        self.hoard.lock().expect("no panic").push(ws.clone());
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        ws.subscribe("all").expect("open");
        // Fails if the peer is gone.
        let _ = ws.send(message);
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, _: &CloseInfo) {
        self.hoard.lock().expect("no panic").push(ws.clone());
    }
}

// B4: fifty servers whose handlers keep all handles.
fn servers_that_have_ended_are_freed<A: Adapter>() {
    const SERVERS: usize = 50;

    let _alone = alone();
    warm_up::<A>();
    let (before, count) = (descriptors(), Arc::default());
    let mut handles = Vec::new();
    for number in 0..SERVERS {
        let handler =
            Hoarder { counted: Counted::new(&count), server: None, hoard: Arc::default() };
        let server = A::serve(ServerOptions::new(), handler).expect("a free port");
        let mut peers: Vec<_> = (0..3).map(|_| Peer::open(address(&server))).collect();
        peers.iter_mut().for_each(Peer::echoes);
        // End at once, after a timeout, or when all peers are gone.
        match number % 3 {
            0 => server.handle().terminate(Some(Duration::ZERO)),
            1 => server.handle().terminate(Some(Duration::from_millis(20))),
            _ => {
                drop(peers);
                server.handle().terminate(None);
            }
        }
        handles.push(server.handle().clone());
        server.join();
    }
    wait_until("handlers are dropped", || count.load(Ordering::SeqCst) == 0);
    settles("servers", before);
    assert!(handles.iter().all(ServerHandle::is_terminated));
}

/// Generates the tests of an adapter.
macro_rules! left {
    ($($name:ident: $adapter:ty;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn handles_of_the_dead_keep_no_descriptor() {
                super::handles_of_the_dead_keep_no_descriptor::<$adapter>();
            }

            #[test]
            fn servers_that_have_ended_are_freed() {
                super::servers_that_have_ended_are_freed::<$adapter>();
            }
        }
    )*};
}

left! {
    on_std: Std;
    on_mio: Mio;
    on_tokio: Tokio;
}
