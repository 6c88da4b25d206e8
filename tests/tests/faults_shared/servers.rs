//! A server's knowledge of its clients, and its words to them.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use conformance::adapters::Adapter;
use ws_common::{
    Decision, Error, IncomingRequest, Message, ServerHandle, ServerHandler, ServerOptions,
    ServerStats, TrustedProxies, WebSocketConnection,
};
use wsproto::Config;
use wsproto::handshake::{AcceptError, AllowedOrigins, Response};

use crate::support::{LONG, NEVER, Peer, address, echo, end, field, frame, upgrade, wait_until};

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

// M8: pages and monitors see header fields of the application's own on every refusal.
pub(crate) fn refusals_have_the_fields_of_the_application<S: Adapter>() {
    let config = Config::new().max_head_size(1000).handshake_timeout(Some(LONG));
    let options = ServerOptions::new().config(config).path("/chat").max_connections(3);
    let origins = AllowedOrigins::new(["https://good.example"]).expect("an origin");
    let options = options.origins(origins).refusal_header("Server", "mine").expect("valid");
    let options = options.refusal_header("Content-Type", "text/html").expect("valid");
    let server = S::serve(options, |_: &_, request: &IncomingRequest| match request.query() {
        Some("own") => Decision::respond(Response::text(402, "mine\n")),
        Some("later") => Decision::<Ignore>::later().0,
        Some("panic") => panic!("as it should"),
        _ => Decision::decline(),
    });
    let server = server.expect("a free port");
    let ask = |request: &str| {
        let mut peer = Peer::connect(address(&server));
        peer.send(request);
        let head = peer.head();
        peer.rest().expect("no reset");
        wait_until("it is over", || server.handle().stats().connections == 0);
        head
    };
    let long = upgrade("/chat", &format!("Cookie: {}\r\n", "x".repeat(1000)));
    for (status, request) in [
        (400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        (400, "nonsense\r\n\r\n"),
        (405, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (426, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (431, &long),
        (505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        (404, &upgrade("/other", "")),
        (403, &upgrade("/chat", "")),
        (403, &upgrade("/chat", "Origin: https://evil.example\r\n")),
        (500, &upgrade("/chat?panic", "")),
        (503, &upgrade("/chat?later", "")),
    ] {
        let head = ask(request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
        assert_eq!(field(&head, "Server"), Some("mine"), "{request}: {head}");
        assert_eq!(head.matches("Content-Type").count(), 1, "a response keeps its own: {head}");
    }
    let head = ask(&upgrade("/chat?own", ""));
    assert!(head.starts_with("HTTP/1.1 402 ") && field(&head, "Server").is_none(), "{head}");
    let inside: Vec<_> = (0..3).map(|_| Peer::connect(address(&server))).collect();
    wait_until("they are inside", || server.handle().stats().connections == 3);
    let mut outside = Peer::connect(address(&server));
    let head = outside.head();
    assert!(head.starts_with("HTTP/1.1 503 ") && field(&head, "Server") == Some("mine"), "{head}");
    drop(inside);
    end(server);
}

// M8
#[test]
fn fields_that_frame_a_response_are_not_the_applications() {
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Connection",
        "Upgrade",
        "Sec-WebSocket-Accept",
        "sec-websocket-key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-New",
    ] {
        let error = ServerOptions::new().refusal_header(name, "1").expect_err(name);
        assert_eq!(error, AcceptError::ReservedHeader(name.into()));
    }
    let error = ServerOptions::new().refusal_header("Server", "a\r\nb: c").expect_err("two lines");
    assert!(matches!(error, AcceptError::InvalidHeader(_)));
}

// M23
pub(crate) fn a_server_counts<S: Adapter>() {
    let options = ServerOptions::new().max_connections(3).max_attempts_per_address(9, NEVER);
    let server = echo::<S>(options.path("/").max_connections_per_address(2));
    let (handle, to) = (server.handle(), address(&server));
    assert_eq!(handle.stats(), ServerStats::default());
    let mut peers = [Peer::open(to), Peer::open(to)];
    assert!(asked(to).1.starts_with("HTTP/1.1 429 "), "too many of the address");
    let mut bytes_out = peers.len() * 150;
    for payload in ["", "Hello", &"x".repeat(20_000), &"y".repeat(200_000)] {
        for peer in &mut peers {
            peer.send(frame(0x81, payload.as_bytes()));
            assert_eq!(peer.frame(), (0x81, payload.as_bytes().to_vec()));
            bytes_out += payload.len() + 2;
        }
    }
    assert_eq!(handle.broadcast("all").sent, 2);
    peers.iter_mut().for_each(|peer| assert_eq!(peer.frame(), (0x81, b"all".to_vec())));
    let [first, mut second] = peers;
    drop(first);
    wait_until("one is left", || handle.stats().connections == 1);
    let mut wrong = Peer::connect(to);
    wrong.send(upgrade("/wrong", ""));
    wrong.rest().expect("no reset");
    // Its place may be free only after its last byte.
    wait_until("one is left", || handle.stats().connections == 1);
    let mut broken = Peer::connect(to);
    broken.send("nonsense\r\n\r\n");
    broken.rest().expect("no reset");
    wait_until("one is left", || handle.stats().connections == 1);
    let stats = handle.stats();
    assert_eq!((stats.connections, stats.open, stats.opened), (1, 1, 2));
    let refused = stats.refused;
    assert_eq!((refused.full, refused.address, refused.attempts), (0, 1, 0));
    assert_eq!((refused.options, refused.application, refused.failed), (1, 0, 1));
    assert_eq!((stats.messages_in, stats.messages_out), (8, 10));
    assert!(stats.bytes_in > 440_000 && stats.bytes_in < 445_000, "{stats:?}");
    assert!(stats.bytes_out > bytes_out as u64 && stats.bytes_out < 445_000, "{stats:?}");
    assert_eq!(stats.broadcasts_refused, 0);
    second.echoes();
    // The counts of connections that are over stay.
    drop(second);
    wait_until("none is left", || handle.stats().connections == 0);
    assert_eq!(handle.stats().messages_in, 9);
    // With these, nine attempts were not refused.
    for _ in 0..5 {
        drop(asked(to));
        wait_until("none is left", || handle.stats().connections == 0);
    }
    assert!(asked(to).1.starts_with("HTTP/1.1 429 "), "too often");
    assert_eq!((handle.stats().refused.attempts, handle.stats().opened), (1, 7));
    end(server);
}

// M23, M6: what is discarded is not counted, whether the server or the header of a proxy refuses the client.
pub(crate) fn the_bytes_of_a_refused_client_do_not_count<S: Adapter>() {
    for header in ["", "PROXY TCP4 192.0.2.1 10.0.0.1 1 80\r\n"] {
        let mut options = ServerOptions::new().max_connections_per_address(1);
        if !header.is_empty() {
            let proxies = TrustedProxies::new(["127.0.0.1"]).expect("an address");
            options = options.trusted_proxies(proxies.proxy_protocol());
        }
        let server = echo::<S>(options);
        let ask = |behind: &[u8]| {
            let mut peer = Peer::connect(address(&server));
            peer.send([header.as_bytes(), upgrade("/", "").as_bytes(), behind].concat());
            (peer.head(), peer)
        };
        let (head, mut inside) = ask(b"");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        for _ in 0..3 {
            let (head, mut refused) = ask(&[0; 10_000]);
            assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
            refused.rest().expect("no reset");
        }
        inside.echoes();
        let handle = server.handle().clone();
        end(server);
        let expected = upgrade("/", "").len() + frame(0x81, b"Hello").len();
        assert_eq!(handle.stats().bytes_in, expected as u64, "{header}");
    }
}
