//! Proxies in front of a server, which name the client.

use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use conformance::adapters::Adapter;
use ws_common::{
    ConnectionHandler, Decision, Error, IncomingRequest, Message, RunningServer, ServerHandle,
    ServerHandler, ServerOptions, TrustedProxies, WebSocketConnection,
};
use wsproto::Config;

use crate::support::{LONG, NEVER, Peer, address, echo, end, upgrade, wait_until};

/// A server's knowledge of a client.
#[derive(Debug, PartialEq)]
enum Told {
    Request { peer: Option<SocketAddr>, client: Option<SocketAddr> },
    Open { peer: Option<SocketAddr>, client: Option<SocketAddr> },
    Error { peer: Option<SocketAddr>, error: String },
}

struct Tells(mpsc::Sender<Told>);

impl Tells {
    fn tell(&self, told: Told) {
        self.0.send(told).expect("the test waits");
    }
}

impl ServerHandler for Tells {
    type Handler = Self;

    fn on_connection(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Self> {
        self.tell(Told::Request { peer: request.peer_addr(), client: request.client_addr() });
        Decision::accept(Self(self.0.clone()))
    }

    fn on_error(&mut self, _: &ServerHandle, peer: Option<SocketAddr>, error: &Error) {
        self.tell(Told::Error { peer, error: error.to_string() });
    }
}

impl ConnectionHandler for Tells {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.tell(Told::Open { peer: ws.peer_addr(), client: ws.client_addr() });
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        ws.send(message).expect("open");
    }
}

fn tells<S: Adapter>(proxies: TrustedProxies) -> (RunningServer, Receiver<Told>) {
    let (to, told) = mpsc::channel();
    let options = ServerOptions::new().trusted_proxies(proxies);
    (S::serve(options, Tells(to)).expect("a free port"), told)
}

fn trusting(network: &str) -> TrustedProxies {
    TrustedProxies::new([network]).expect("a network")
}

/// Checks that the server takes a peer for this client, or for the client if there is none.
fn assert_client(told: &Receiver<Told>, peer: &Peer, client: Option<&str>) {
    let peer = peer.0.local_addr().ok();
    let client = client.map(|client| client.parse().expect("an address")).or(peer);
    assert_eq!(told.recv_timeout(LONG), Ok(Told::Request { peer, client }));
    assert_eq!(told.recv_timeout(LONG), Ok(Told::Open { peer, client }));
}

// M6
pub(crate) fn a_field_is_believed_from_trusted_proxies_only<S: Adapter>() {
    for (proxies, field, client) in [
        (trusting("127.0.0.0/8"), "X-Forwarded-For: 192.0.2.1", Some("192.0.2.1:0")),
        (trusting("127.0.0.0/8"), "X-Forwarded-For: 6.6.6.6, [::1]:9, 127.0.0.2", Some("[::1]:9")),
        (trusting("127.0.0.0/8"), "X-Forwarded-For: 6.6.6.6, unknown", None),
        (trusting("127.0.0.0/8"), "Forwarded: for=6.6.6.6", None),
        (trusting("127.0.0.0/8"), "Cookie: a=b", None),
        (trusting("127.0.0.0/8").forwarded(), "Forwarded: for=192.0.2.1", Some("192.0.2.1:0")),
        (trusting("127.0.0.0/8").forwarded(), "X-Forwarded-For: 6.6.6.6", None),
        (trusting("127.0.0.2"), "X-Forwarded-For: 6.6.6.6", None),
        (trusting("unix:"), "X-Forwarded-For: 6.6.6.6", None),
        (TrustedProxies::default(), "X-Forwarded-For: 6.6.6.6", None),
    ] {
        let (server, told) = tells::<S>(proxies);
        let mut peer = Peer::connect(address(&server));
        peer.send(upgrade("/", &format!("{field}\r\n")));
        assert!(peer.head().starts_with("HTTP/1.1 101 "));
        assert_client(&told, &peer, client);
        end(server);
    }
}

// M6, M21: behind a proxy, its clients are counted, and not the proxy.
pub(crate) fn the_clients_of_a_proxy_are_counted<S: Adapter>() {
    let options = ServerOptions::new().max_connections_per_address(1);
    let server = echo::<S>(options.trusted_proxies(trusting("127.0.0.1")));
    let ask = |client: &str| {
        let mut peer = Peer::connect(address(&server));
        peer.send(upgrade("/", client));
        (peer.head(), peer)
    };
    let mut inside: Vec<_> = (1..5).map(|n| format!("X-Forwarded-For: 192.0.2.{n}\r\n")).collect();
    inside.extend([String::new(), String::new()]);
    let mut inside: Vec<_> = inside.iter().map(|client| ask(client)).collect();
    assert!(inside.iter().all(|(head, _)| head.starts_with("HTTP/1.1 101 ")));
    let again = "X-Forwarded-For: 192.0.2.3\r\n";
    for _ in 0..3 {
        let (head, mut peer) = ask(again);
        assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
        assert_eq!(peer.rest().expect("no reset"), b"Too many connections from this address\n");
    }
    drop(inside.remove(2));
    wait_until("there is room again", || ask(again).0.starts_with("HTTP/1.1 101 "));
    inside.iter_mut().for_each(|(_, peer)| peer.echoes());
    end(server);
}

fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).expect("short").to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &len, body].concat()
}

const V4: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x34, 0, 80];

// M6: however the header is cut, and with what follows it.
pub(crate) fn a_proxy_header_names_the_client<S: Adapter>() {
    let v6 = [&[0x20, 1][..], &[0; 13], &[1], &[0; 16], &[0, 9, 0, 80], &[7; 3000]].concat();
    for (header, client) in [
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n".to_vec(), Some("192.0.2.1:4660")),
        (b"PROXY TCP6 2001::1 ::1 9 80\r\n".to_vec(), Some("[2001::1]:9")),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (v2(0x21, 0x11, &V4), Some("192.0.2.1:4660")),
        (v2(0x21, 0x21, &v6), Some("[2001::1]:9")),
        (v2(0x20, 0x11, &V4), None),
        (v2(0x21, 0x00, b""), None),
    ] {
        let (server, told) = tells::<S>(trusting("127.0.0.1").proxy_protocol());
        let wire = [&header[..], upgrade("/", "X-Forwarded-For: 6.6.6.6\r\n").as_bytes()].concat();
        for cut in [1, header.len() - 1, header.len(), wire.len()] {
            let mut peer = Peer::connect(address(&server));
            for part in wire.chunks(cut).take(200) {
                peer.send(part);
            }
            peer.send(wire.get(200 * cut..).unwrap_or_default());
            assert!(peer.head().starts_with("HTTP/1.1 101 "));
            // A header without a client leaves the proxy as the peer, whose field counts.
            assert_client(&told, &peer, client.or(Some("6.6.6.6:0")));
            peer.echoes();
        }
        end(server);
    }
}

// M6
pub(crate) fn a_proxy_must_begin_with_a_header<S: Adapter>() {
    let (server, told) = tells::<S>(trusting("127.0.0.1").proxy_protocol());
    for (bytes, expected) in [
        (upgrade("/", "").into_bytes(), "must begin with a PROXY header"),
        (b"PROXY TCP4 192.0.2.1\r\n 10.0.0.1 4660 80\r\n".to_vec(), "malformed"),
        (vec![b'P'; 1], "the connection ended during"),
        (v2(0x21, 0x12, &V4), "0x12 is no family"),
    ] {
        let mut peer = Peer::connect(address(&server));
        peer.send(bytes);
        let from = peer.0.local_addr().ok();
        // Fails if the server has disconnected already.
        let _ = peer.0.shutdown(std::net::Shutdown::Write);
        // It may be a reset.
        assert_eq!(peer.rest().unwrap_or_default(), b"", "no answer");
        match told.recv_timeout(LONG) {
            Ok(Told::Error { peer, error }) if peer == from && error.contains(expected) => {}
            other => panic!("{expected}: {other:?}"),
        }
    }
    // A health check is no error.
    drop(Peer::connect(address(&server)));
    end(server);
    assert_eq!(told.try_iter().count(), 0);
}

// M6: the header of a peer that is no proxy is no request either.
pub(crate) fn a_header_of_anybody_else_ends_the_connection<S: Adapter>() {
    for proxies in [trusting("127.0.0.2").proxy_protocol(), trusting("127.0.0.1")] {
        let (server, told) = tells::<S>(proxies);
        for header in [b"PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n".to_vec(), v2(0x21, 0x11, &V4)] {
            let mut peer = Peer::connect(address(&server));
            peer.send([&header[..], upgrade("/", "").as_bytes()].concat());
            let answer = String::from_utf8_lossy(&peer.rest().expect("no reset")).into_owned();
            assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
            match told.recv_timeout(LONG) {
                Ok(Told::Error { peer: from, .. }) => assert_eq!(from, peer.0.local_addr().ok()),
                other => panic!("{other:?}"),
            }
        }
        end(server);
    }
}

// M6: a header has the time of the opening handshake, and waiting for it holds up nobody.
pub(crate) fn a_proxy_header_has_a_deadline<S: Adapter>() {
    let (to, told) = mpsc::channel();
    let config = Config::new().handshake_timeout(Some(Duration::from_millis(200)));
    let options = ServerOptions::new().config(config.close_timeout(Some(NEVER)));
    let options = options.trusted_proxies(trusting("127.0.0.1").proxy_protocol());
    let server = S::serve(options, Tells(to)).expect("a free port");
    let mut silent = Peer::connect(address(&server));
    let mut slow = Peer::connect(address(&server));
    slow.send("PROXY TCP4 192.");
    let mut quick = Peer::connect(address(&server));
    quick.send(["PROXY UNKNOWN\r\n", &upgrade("/", "")].concat());
    assert!(quick.head().starts_with("HTTP/1.1 101 "));
    assert_client(&told, &quick, None);
    assert_eq!(slow.rest().unwrap_or_default(), b"");
    assert_eq!(silent.rest().unwrap_or_default(), b"");
    match told.recv_timeout(LONG) {
        Ok(Told::Error { peer, .. }) => assert_eq!(peer, slow.0.local_addr().ok()),
        other => panic!("{other:?}"),
    }
    assert_eq!(told.try_iter().count(), 0, "silence is no error");
    end(server);
}

// M6, M21
pub(crate) fn the_clients_of_proxy_headers_are_counted<S: Adapter>() {
    let options = ServerOptions::new().max_connections_per_address(1);
    let proxies = trusting("127.0.0.1").proxy_protocol();
    let server = echo::<S>(options.trusted_proxies(proxies));
    let ask = |client: &str| {
        let mut peer = Peer::connect(address(&server));
        peer.send(format!("PROXY TCP4 {client} 10.0.0.1 1 80\r\n"));
        peer.send(upgrade("/", ""));
        (peer.head(), peer)
    };
    let (head, mut inside) = ask("192.0.2.1");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let (head, other) = ask("192.0.2.2");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let (head, mut third) = ask("192.0.2.2");
    assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
    assert_eq!(third.rest().expect("no reset"), b"Too many connections from this address\n");
    drop(other);
    wait_until("there is room again", || ask("192.0.2.2").0.starts_with("HTTP/1.1 101 "));
    inside.echoes();
    end(server);
}
