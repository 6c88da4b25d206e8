//! Panics in every call of an application's handlers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use conformance::adapters::Adapter;
use ws_common::{
    ClientOptions, ConnectionHandler, Decision, Error, IncomingRequest, Message, RunningServer,
    ServerHandle, ServerHandler, ServerOptions, WebSocketConnection,
};
use wsproto::CloseInfo;
use wsproto::handshake::{Accept, Response};

use crate::support::{
    Peer, address, assert_serves, end, frame, request, serve, upgrade, wait_until,
};

/// A payload that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload of a panic was dropped");
    }
}

/// Panics in every call of one kind, and counts the panics.
#[derive(Clone)]
struct Panic {
    call: &'static str,
    count: Arc<AtomicUsize>,
}

impl Panic {
    fn new(call: &'static str) -> Self {
        Self { call, count: Arc::default() }
    }

    fn check(&self, call: &str) {
        if call == self.call {
            self.count.fetch_add(1, Ordering::SeqCst);
            std::panic::panic_any(Bomb);
        }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// A server's handler that panics in one kind of call. Its connections panic in another kind if their
/// request asks for it, and echo otherwise.
struct Panicking {
    server: Panic,
    connection: Panic,
    terminated: Arc<AtomicUsize>,
}

struct Connection {
    panic: Option<Panic>,
    opened: bool,
}

impl ServerHandler for Panicking {
    type Handler = Connection;

    fn on_connection(
        &mut self,
        _: &ServerHandle,
        request: &IncomingRequest,
    ) -> Decision<Connection> {
        if request.path() != "/" {
            self.server.check("on_connection");
        }
        let panic = (request.path() != "/").then(|| self.connection.clone());
        let handler = Connection { panic, opened: false };
        match request.path() {
            // This decision fails, so the handler is dropped without a connection.
            "/unasked" => {
                let accept = Accept::new().subprotocol("unasked");
                Decision::accept_with(accept, handler)
            }
            _ => Decision::accept(handler),
        }
    }

    fn on_request(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Connection> {
        self.server.check("on_request");
        match request.path() {
            // Not an upgrade, so there is nothing to accept.
            "/accepted" => {
                Decision::accept(Connection { panic: Some(self.connection.clone()), opened: false })
            }
            _ => Response::text(200, "well\n").into(),
        }
    }

    fn on_open(&mut self, _: &ServerHandle) {
        self.server.check("on_open");
    }

    fn on_error(&mut self, _: &ServerHandle, _: Option<SocketAddr>, _: &Error) {
        self.server.check("on_error");
    }

    fn on_terminate(&mut self, _: &ServerHandle) {
        self.terminated.fetch_add(1, Ordering::SeqCst);
        self.server.check("on_terminate");
    }
}

impl Drop for Panicking {
    fn drop(&mut self) {
        self.server.check("drop");
    }
}

impl Connection {
    fn check(&self, call: &str) {
        self.panic.iter().for_each(|panic| panic.check(call));
    }
}

impl ConnectionHandler for Connection {
    fn on_open(&mut self, _: &WebSocketConnection) {
        self.opened = true;
        self.check("on_open");
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        self.check("on_message");
        if message == "fill".into() {
            // More than the buffers hold.
            while matches!(ws.send(vec![7; 1 << 20]), Ok(ws_common::SendStatus::Sent)) {}
            let _ = ws.send("more");
            return;
        }
        // Fails if the peer is gone.
        let _ = ws.send(message);
    }

    fn on_drained(&mut self, _: &WebSocketConnection) {
        self.check("on_drained");
    }

    fn on_error(&mut self, _: &WebSocketConnection, _: &Error) {
        self.check("on_error");
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, _: &CloseInfo) {
        self.check("on_terminate");
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.check("drop");
        if !self.opened {
            self.check("drop before it opens");
        }
    }
}

struct Running {
    server: RunningServer,
    panic: Panic,
    terminated: Arc<AtomicUsize>,
}

fn start<S: Adapter>(server: &'static str, connection: &'static str) -> Running {
    let (server, connection) = (Panic::new(server), Panic::new(connection));
    let panic = if server.call.is_empty() { connection.clone() } else { server.clone() };
    let terminated = Arc::<AtomicUsize>::default();
    let handler = Panicking { server, connection, terminated: Arc::clone(&terminated) };
    let server = S::serve(ServerOptions::new(), handler).expect("a free port");
    Running { server, panic, terminated }
}

impl Running {
    /// Checks that the server still serves, ends it, and counts its panics.
    fn ends_well<C: Adapter>(self, panics: usize) {
        assert_serves::<C>(&self.server);
        end(self.server);
        assert_eq!(self.terminated.load(Ordering::SeqCst), 1);
        wait_until("the panics", || self.panic.count() >= panics);
    }

    fn get(&self, path: &str) -> String {
        let mut peer = Peer::connect(address(&self.server));
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        peer.head().lines().next().expect("a status").to_owned()
    }
}

// B6: in each call of the server's handler.
pub(crate) fn no_panic_of_a_server_ends_anything_else<S: Adapter, C: Adapter>() {
    for call in ["on_open", "on_error", "on_terminate", "on_request", "on_connection", "drop"] {
        println!("{call}");
        let running = start::<S>(call, "");
        let mut inside = Peer::open(address(&running.server));
        match call {
            "on_error" => {
                for _ in 0..3 {
                    let mut peer = Peer::connect(address(&running.server));
                    peer.send("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
                    assert!(peer.head().starts_with("HTTP/1.1 400 "));
                }
                wait_until("three panics", || running.panic.count() == 3);
            }
            "on_request" => assert_eq!(running.get("/"), "HTTP/1.1 500 Internal Server Error"),
            "on_connection" => {
                let asked = request(address(&running.server), "/panic");
                let refused = C::connect(asked, ClientOptions::new(), |_: &_, _| {});
                assert_eq!(refused.expect_err("refused").status, Some(500));
            }
            _ => {}
        }
        inside.echoes();
        drop(inside);
        running.ends_well::<C>(1);
    }
}

// B6: in each call of a connection's handler.
pub(crate) fn no_panic_of_a_connection_ends_anything_else<S: Adapter, C: Adapter>() {
    for call in ["on_open", "on_message", "on_drained", "on_error", "on_terminate"] {
        println!("{call}");
        let running = start::<S>("", call);
        let mut inside = Peer::open(address(&running.server));
        let mut peer = Peer::connect(address(&running.server));
        peer.send(upgrade("/panic", ""));
        peer.head();
        match call {
            "on_open" => {}
            "on_message" => peer.send(frame(0x81, b"Hello")),
            // Handlers of the blocking adapter wait for room, so `on_drained` is not called.
            "on_drained" => {
                peer.send(frame(0x81, b"fill"));
                peer.frame();
            }
            "on_error" => peer.send(b"\x83\x80\0\0\0\0"),
            _ => peer.send(b"\x88\x80\0\0\0\0"),
        }
        let drained = call == "on_drained";
        while !drained && peer.try_frame().is_ok() {}
        inside.echoes();
        drop((inside, peer));
        running.ends_well::<C>(usize::from(!drained));
    }
    // A client's handler: its connection ends, and the server sees the Close.
    let server = serve::<S, _>(ServerOptions::new(), || {
        |ws: &WebSocketConnection, message| drop(ws.send(message))
    });
    for call in ["on_open", "on_message", "on_terminate", "drop"] {
        println!("client's {call}");
        let panic = Panic::new(call);
        let handler = Connection { panic: Some(panic.clone()), opened: false };
        let asked = request(address(&server), "/");
        if let Ok(client) = C::connect(asked, ClientOptions::new(), handler) {
            let _ = client.ws.send("Hello");
            if call != "on_message" {
                let _ = client.ws.close(None);
            }
            client.join();
        }
        assert_eq!(panic.count(), 1);
    }
    assert_serves::<C>(&server);
    end(server);
}

// B6: in dropping a handler, before and after its connection opens.
pub(crate) fn no_panic_in_a_drop_ends_anything_else<S: Adapter, C: Adapter>() {
    for (call, path) in [
        ("drop", "/"),
        ("drop", "/panic"),
        ("drop", "/unasked"),
        ("drop", "/accepted"),
        ("drop before it opens", "/unasked"),
        ("drop before it opens", "/accepted"),
    ] {
        println!("{call} {path}");
        let running = start::<S>("", call);
        let mut inside = Peer::open(address(&running.server));
        match path {
            "/accepted" => assert_eq!(running.get(path), "HTTP/1.1 426 Upgrade Required"),
            "/unasked" => {
                let mut peer = Peer::connect(address(&running.server));
                peer.send(upgrade(path, ""));
                assert!(peer.head().starts_with("HTTP/1.1 500 "));
            }
            _ => {
                let mut peer = Peer::connect(address(&running.server));
                peer.send(upgrade(path, ""));
                peer.head();
                peer.echoes();
                peer.send(b"\x88\x80\0\0\0\0");
                assert_eq!(peer.frame(), (0x88, vec![]));
            }
        }
        inside.echoes();
        drop(inside);
        running.ends_well::<C>(usize::from(path != "/"));
    }
}
