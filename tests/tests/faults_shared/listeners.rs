//! Servers on other sockets than one of TCP, and with TLS.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;

use conformance::adapters::{Adapter, Mio, Std, Tokio};
use ws_common::{
    Decision, IncomingRequest, Message, RunningServer, ServerHandle, ServerHandler, ServerOptions,
    ServerSocket, TrustedProxies, WebSocketConnection, rustls,
};
use ws_std::{ClientOptions, Stream, WebSocket};
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;
use wsproto::{CloseCode, Config};

use crate::identity::Identity;
use crate::support::{LONG, Peer, echo, end, frame, upgrade, wait_until};

/// An adapter that takes any listener.
pub(crate) trait Listens: Adapter {
    fn serve_on(
        listener: ServerSocket,
        options: ServerOptions,
        handler: impl ServerHandler,
    ) -> io::Result<RunningServer>;

    fn serve_at(
        address: &str,
        options: ServerOptions,
        handler: impl ServerHandler,
    ) -> io::Result<RunningServer>;
}

impl Listens for Std {
    fn serve_on(
        listener: ServerSocket,
        options: ServerOptions,
        handler: impl ServerHandler,
    ) -> io::Result<RunningServer> {
        ws_std::WebSocketServer::from_listener(listener, options).spawn(handler)
    }

    fn serve_at(
        address: &str,
        options: ServerOptions,
        handler: impl ServerHandler,
    ) -> io::Result<RunningServer> {
        ws_std::WebSocketServer::bind(address, options)?.spawn(handler)
    }
}

impl Listens for Mio {
    fn serve_on(
        listener: ServerSocket,
        options: ServerOptions,
        handler: impl ServerHandler,
    ) -> io::Result<RunningServer> {
        // Two loops: their listener has a thread of its own.
        ws_mio::WebSocketServer::from_listener(listener, options).threads(2).spawn(handler)
    }

    fn serve_at(
        address: &str,
        options: ServerOptions,
        handler: impl ServerHandler,
    ) -> io::Result<RunningServer> {
        ws_mio::WebSocketServer::bind(address, options)?.spawn(handler)
    }
}

impl Listens for Tokio {
    fn serve_on(
        listener: ServerSocket,
        options: ServerOptions,
        handler: impl ServerHandler,
    ) -> io::Result<RunningServer> {
        Self::spawn(ws_tokio::WebSocketServer::from_listener(listener, options), handler)
    }

    fn serve_at(
        address: &str,
        options: ServerOptions,
        handler: impl ServerHandler,
    ) -> io::Result<RunningServer> {
        Self::spawn(Self::bind(address, options)?, handler)
    }
}

type Echo = fn(&WebSocketConnection, Message);

fn decide(_: &ServerHandle, _: &IncomingRequest) -> Decision<Echo> {
    Decision::accept(|ws, message| drop(ws.send(message)))
}

/// Connects to a Unix domain socket. Bytes move as those of TCP do.
#[cfg(unix)]
fn connect_unix(path: &std::path::Path) -> Peer {
    let stream = std::os::unix::net::UnixStream::connect(path).expect("a server");
    let stream = TcpStream::from(std::os::fd::OwnedFd::from(stream));
    stream.set_read_timeout(Some(LONG)).expect("not zero");
    stream.set_write_timeout(Some(LONG)).expect("not zero");
    Peer(stream)
}

// M2: a Unix domain socket is a listener as any other, for one loop or more.
#[cfg(unix)]
pub(crate) fn a_unix_socket_is_a_listener<S: Listens>() {
    let folder = Identity::new();
    let path = folder.certificate.with_file_name("socket");
    let (to, told) = mpsc::channel();
    let proxies = TrustedProxies::new(["unix:"]).expect("valid");
    let options = ServerOptions::new().trusted_proxies(proxies).high_water_mark(1 << 16);
    let listener = ServerSocket::bind_unix(&path).expect("a path");
    let server = S::serve_on(listener, options, move |_: &_, request: &IncomingRequest| {
        to.send((request.peer_addr(), request.client_addr())).expect("the test waits");
        Decision::<Echo>::accept(|ws, message| drop(ws.send(message)))
    });
    let server = server.expect("a listener");
    assert_eq!(server.handle().local_addr(), None);
    let mut peers: Vec<_> = (0..5).map(|_| connect_unix(&path)).collect();
    for peer in &mut peers {
        peer.send(upgrade("/", "X-Forwarded-For: 192.0.2.1\r\n"));
        assert!(peer.head().starts_with("HTTP/1.1 101 "));
        let client: SocketAddr = "192.0.2.1:0".parse().expect("an address");
        assert_eq!(told.recv_timeout(LONG), Ok((None, Some(client))));
        for size in [0, 70_000, 1_000_000] {
            peer.send(frame(0x82, &vec![7; size]));
            assert_eq!(peer.frame(), (0x82, vec![7; size]));
        }
    }
    let mut last = peers.remove(0);
    drop(peers);
    wait_until("they are gone", || server.handle().connections().len() == 1);
    // A peer that does not read is refused more, and goes on once it reads.
    let mut sent = 0;
    while server.handle().broadcast(vec![7; 100_000]).sent == 1 {
        sent += 1;
        assert!(sent < 1000, "the system holds no 100 MB");
    }
    (0..sent).for_each(|_| assert_eq!(last.frame(), (0x82, vec![7; 100_000])));
    last.echoes();
    server.handle().terminate(None);
    assert_eq!(last.frame(), (0x88, u16::from(CloseCode::GOING_AWAY).to_be_bytes().to_vec()));
    last.send(frame(0x88, &[3, 0xE9]));
    server.join();
}

// M2: the end of a server whose socket cannot be reached any more.
#[cfg(target_os = "linux")]
pub(crate) fn a_unix_socket_without_its_file_ends<S: Listens>() {
    let folder = Identity::new();
    let path = folder.certificate.with_file_name("socket");
    let listener = ServerSocket::bind_unix(&path).expect("a path");
    let server = S::serve_on(listener, ServerOptions::new(), decide).expect("a listener");
    std::fs::remove_file(&path).expect("it is there");
    end(server);
}

// M9: clients of `localhost` may use either family.
pub(crate) fn localhost_has_both_families<S: Listens>() {
    let server = S::serve_at("localhost:0", ServerOptions::new(), decide).expect("a free port");
    let port = server.handle().local_addr().expect("an address").port();
    let both: [SocketAddr; 2] =
        [([127, 0, 0, 1], port).into(), ([0, 0, 0, 0, 0, 0, 0, 1], port).into()];
    let has_v6 = std::net::TcpListener::bind("[::1]:0").is_ok()
        && std::net::ToSocketAddrs::to_socket_addrs("localhost:0")
            .expect("a name")
            .any(|address| address.is_ipv6());
    let mut peers: Vec<_> =
        both.iter().take(1 + usize::from(has_v6)).map(|to| Peer::open(*to)).collect();
    peers.iter_mut().for_each(Peer::echoes);
    assert_eq!(server.handle().connections().len(), peers.len());
    end(server);
}

// M9: a listener for both families sees IPv4 clients with mapped addresses.
pub(crate) fn a_mapped_address_is_shown_as_ipv4<S: Listens>() {
    // Not every host has IPv6, and not every system lets one socket serve both families.
    let both = std::net::TcpListener::bind("[::]:0").is_ok_and(|listener| {
        let port = listener.local_addr().expect("an address").port();
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    if !both {
        return;
    }
    let (to, asked) = mpsc::channel();
    let decide = move |_: &_, request: &IncomingRequest| {
        to.send([request.peer_addr(), request.client_addr()]).expect("the test waits");
        Decision::accept(|ws: &WebSocketConnection, message: Message| drop(ws.send(message)))
    };
    let server = S::serve_at("[::]:0", ServerOptions::new(), decide).expect("a free port");
    let port = server.handle().local_addr().expect("an address").port();
    let mut peer = Peer::open(([127, 0, 0, 1], port).into());
    let address = peer.0.local_addr().ok();
    assert_eq!(asked.recv_timeout(LONG), Ok([address; 2]));
    peer.echoes();
    let connections = server.handle().connections();
    assert_eq!(
        connections.iter().map(WebSocketConnection::peer_addr).collect::<Vec<_>>(),
        [address]
    );
    end(server);
}

fn connect_tls(port: u16, identity: &Identity) -> Result<WebSocket, ws_std::Error> {
    let url = WsUrl::parse(&format!("wss://localhost:{port}/")).expect("a URL");
    ws_std::connect_with(ClientRequest::new(url), ClientOptions::new().tls(identity.client()))
}

fn assert_echoes(ws: &mut WebSocket) {
    ws.send("Hello").expect("open");
    assert_eq!(ws.recv().expect("open"), Some("Hello".into()));
}

// M24: a renewed certificate is that of new connections, and the others go on.
pub(crate) fn a_certificate_is_replaced<S: Adapter>() {
    let (old, new) = (Identity::new(), Identity::new());
    let server = echo::<S>(ServerOptions::new().tls(old.server()));
    let port = server.handle().local_addr().expect("an address").port();
    let mut before = connect_tls(port, &old).expect("the old certificate");
    assert_echoes(&mut before);
    assert!(connect_tls(port, &new).is_err(), "another certificate");
    let tls = server.handle().options().tls.as_ref().expect("TLS");
    tls.replace(&new.server());
    let mut after = connect_tls(port, &new).expect("the new certificate");
    assert!(connect_tls(port, &old).is_err(), "it is replaced");
    assert_echoes(&mut before);
    assert_echoes(&mut after);
    end(server);
}

// M6: the header of a proxy comes before TLS.
pub(crate) fn a_proxy_header_precedes_tls<S: Adapter>() {
    let identity = Identity::new();
    let (to, told) = mpsc::channel();
    let proxies = TrustedProxies::new(["127.0.0.1"]).expect("an address").proxy_protocol();
    let options = ServerOptions::new().tls(identity.server()).trusted_proxies(proxies);
    let options = options.max_connections_per_address(1);
    let server = S::serve(options, move |_: &_, request: &IncomingRequest| {
        let named = request.tls().expect("TLS").server_name.clone();
        to.send((request.client_addr(), named)).expect("the test waits");
        Decision::<Echo>::accept(|ws, message| drop(ws.send(message)))
    });
    let server = server.expect("a free port");
    let address = server.handle().local_addr().expect("an address");
    let connect = |client: &str| {
        let mut tcp = TcpStream::connect(address).expect("a server");
        tcp.write_all(format!("PROXY TCP4 {client} 10.0.0.1 9 443\r\n").as_bytes())
            .expect("written");
        let tls = identity.client().begin("localhost").expect("a name");
        let stream = Stream::new(rustls::StreamOwned::new(tls, tcp));
        let url = WsUrl::parse("wss://localhost/").expect("a URL");
        let mut ws = WebSocket::client(stream, ClientRequest::new(url), Config::new())?;
        ws.handshake()?;
        Ok::<_, ws_std::Error>(ws)
    };
    let mut ws = connect("192.0.2.1").expect("a handshake");
    let client: SocketAddr = "192.0.2.1:9".parse().expect("an address");
    assert_eq!(told.recv_timeout(LONG), Ok((Some(client), Some("localhost".into()))));
    assert_echoes(&mut ws);
    assert!(connect("192.0.2.1").is_err(), "a second one of the address is disconnected");
    assert_eq!(server.handle().stats().refused.address, 1);
    let mut other = connect("192.0.2.2").expect("a handshake");
    assert_echoes(&mut other);
    end(server);
}
