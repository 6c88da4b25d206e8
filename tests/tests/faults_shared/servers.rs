//! What a server knows of its clients, and what it tells them.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use conformance::adapters::Adapter;
use ws_common::{
    Decision, Error, IncomingRequest, Message, ServerHandle, ServerHandler, ServerOptions,
    WebSocketConnection,
};
use wsproto::handshake::Response;

use crate::support::{LONG, Peer, address, echo, end, upgrade, wait_until};

type Ignore = fn(&WebSocketConnection, Message);

/// Reports the addresses of each request, and of each error.
struct Addresses(mpsc::Sender<(&'static str, Option<SocketAddr>, Option<SocketAddr>)>);

impl Addresses {
    fn report(&self, call: &'static str, request: &IncomingRequest) {
        let addresses = (call, request.peer_addr(), request.local_addr());
        self.0.send(addresses).expect("the test waits");
    }
}

impl ServerHandler for Addresses {
    type Handler = Ignore;

    fn on_connection(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Ignore> {
        self.report("on_connection", request);
        Decision::accept(|_, _| {})
    }

    fn on_request(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Ignore> {
        self.report("on_request", request);
        Decision::respond(Response::text(200, "well\n"))
    }

    fn on_error(&mut self, _: &ServerHandle, peer: Option<SocketAddr>, _: &Error) {
        self.0.send(("on_error", peer, None)).expect("the test waits");
    }
}

// M1
pub(crate) fn a_decision_knows_the_addresses<S: Adapter>() {
    let (to, calls) = mpsc::channel();
    let server = S::serve(ServerOptions::new(), Addresses(to)).expect("a free port");
    let here = address(&server);
    let ask = |call: &str, request: String| {
        let mut peer = Peer::connect(here);
        peer.send(request);
        let from = Some(peer.0.local_addr().expect("an address"));
        let local = (call != "on_error").then_some(here);
        let called = calls.recv_timeout(LONG).expect("a call");
        assert_eq!((called.0, called.1, called.2), (call, from, local));
    };
    ask("on_connection", upgrade("/", ""));
    ask("on_request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".into());
    ask("on_error", "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n".into());
    end(server);
}

/// Connects and returns the head of the response.
fn asked(to: SocketAddr) -> (Peer, String) {
    let mut peer = Peer::connect(to);
    peer.send(upgrade("/", ""));
    let head = peer.head();
    (peer, head)
}

// M21
pub(crate) fn an_address_has_a_limit_of_connections<S: Adapter>() {
    let server = echo::<S>(ServerOptions::new().max_connections_per_address(2));
    let to = address(&server);
    let mut inside: Vec<_> = (0..2).map(|_| Peer::open(to)).collect();
    for _ in 0..20 {
        let (mut peer, head) = asked(to);
        assert!(head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{head}");
        let body = peer.rest().expect("no reset");
        assert_eq!(body, b"Too many connections from this address\n");
    }
    inside.iter_mut().for_each(Peer::echoes);
    drop(inside);
    wait_until("there is room again", || asked(to).1.starts_with("HTTP/1.1 101 "));
    end(server);
}

// M22
pub(crate) fn an_address_has_a_limit_of_attempts<S: Adapter>() {
    let hour = Duration::from_secs(3600);
    let server = echo::<S>(ServerOptions::new().max_attempts_per_address(3, hour));
    let to = address(&server);
    for _ in 0..3 {
        assert!(asked(to).1.starts_with("HTTP/1.1 101 "));
    }
    for _ in 0..20 {
        let (_, head) = asked(to);
        assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
        assert!(head.contains("\r\nRetry-After: 1200\r\n"), "{head}");
    }
    end(server);
}
