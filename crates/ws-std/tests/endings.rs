//! How connections end: soon, at both ends, and with the true code and reason.

#[path = "support/net.rs"]
mod net;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use net::{REQUEST, open_by_hand, read_all, read_head, url, yes};
use ws_std::wsproto::{CloseCode, CloseInfo, Config, KeepAlive, ReadyState};
use ws_std::{
    ConnectionHandler, Decision, Error, Message, RunningServer, SendStatus, ServerOptions,
    WebSocketConnection, WebSocketServer, accept_with, connect,
};

/// A timeout that only a hang reaches.
const HANGS: Duration = Duration::from_secs(60);

/// Reports the end, and what the handle says then.
struct Ends(Sender<(WebSocketConnection, CloseInfo)>);

impl ConnectionHandler for Ends {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        // Fails if the peer is gone.
        let _ = ws.send(message);
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        let _ = self.0.send((ws.clone(), info.clone()));
    }
}

type Told = Receiver<(WebSocketConnection, CloseInfo)>;

fn serve(options: ServerOptions) -> (RunningServer, String, Told) {
    let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
    let address = server.local_addr().expect("an address").to_string();
    let (to_test, ends) = mpsc::channel();
    let server = server.spawn(move |_: &_, _: &_| Decision::accept(Ends(to_test.clone())));
    (server.expect("a thread"), address, ends)
}

fn end(server: RunningServer) {
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

/// Opens a connection by hand, as soon as the server has room.
fn open_patiently(address: &str) -> TcpStream {
    let began = Instant::now();
    loop {
        let mut client = TcpStream::connect(address).expect("a server");
        client.write_all(REQUEST).expect("written");
        if read_head(&mut client).starts_with("HTTP/1.1 101 ") {
            return client;
        }
        assert!(began.elapsed() < HANGS, "the place stays taken");
    }
}

// L13: the client never closes its end of TCP.
#[test]
fn a_connection_is_over_when_the_closes_are_exchanged() {
    let close_timeout = Some(4 * HANGS);
    let config = Config::new().close_timeout(close_timeout);
    let (server, address, ends) = serve(ServerOptions::new().config(config).max_connections(1));
    let (mut kept, mut best) = (Vec::new(), HANGS);
    for _ in 0..3 {
        let mut client = open_patiently(&address);
        let began = Instant::now();
        client.write_all(b"\x88\x82\0\0\0\0\x03\xE8").expect("written");
        let (ws, info) = ends.recv_timeout(HANGS).expect("an end");
        best = best.min(began.elapsed());
        assert_eq!((info.code, info.was_clean), (CloseCode::NORMAL, true));
        assert_eq!(ws.ready_state(), ReadyState::Closed);
        assert!(server.handle().connections().is_empty());
        assert_eq!(read_all(&mut client), b"\x88\x02\x03\xE8");
        // The permit is free as soon as the handler's last call has returned.
        kept.push(client);
    }
    // A transport lingers for two seconds; the server must not wait for it.
    assert!(best < Duration::from_secs(1), "{best:?}");
    end(server);
}

/// The received message, and whether the end was clean.
type Received = (Option<Message>, bool);

/// Accepts a connection with a keep-alive, sends a message and receives one, in a thread.
fn server_with(
    keep_alive: KeepAlive,
    message: Vec<u8>,
) -> (String, thread::JoinHandle<Result<Received, Error>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let server = thread::spawn(move || -> Result<_, Error> {
        let config = Config::new().keep_alive(Some(keep_alive));
        let (stream, _) = listener.accept()?;
        let mut ws = accept_with(stream, config, yes)?.expect("an upgrade");
        ws.send(message)?;
        let received = ws.recv()?;
        Ok((received, ws.wait_closed()?.was_clean))
    });
    (address, server)
}

// L14: a frame in pieces that takes longer than the patience, and no Pong before its end.
#[test]
fn a_peer_that_sends_a_long_frame_is_there() -> Result<(), Error> {
    let keep_alive = KeepAlive::new(Duration::from_millis(200), Duration::from_millis(500));
    let (address, server) = server_with(keep_alive, Vec::new());
    let mut client = open_by_hand(&address);
    client.write_all(b"\x82\xFE\xEA\x60\0\0\0\0")?;
    for _ in 0..15 {
        client.write_all(&[1; 4000])?;
        thread::sleep(Duration::from_millis(80));
    }
    client.write_all(b"\x88\x80\0\0\0\0")?;
    assert_eq!(server.join().expect("no panic")?, (Some(vec![1; 60_000].into()), true));
    Ok(())
}

// L14: a slow download that takes longer than the patience; the Ping waits behind it.
#[test]
fn a_peer_that_takes_a_long_message_is_there() -> Result<(), Error> {
    const SIZE: usize = 32 << 20;
    let keep_alive = KeepAlive::new(Duration::from_millis(200), Duration::from_secs(2));
    let (address, server) = server_with(keep_alive, vec![7; SIZE]);
    let mut client = open_by_hand(&address);
    let mut left = SIZE + 10;
    let mut buffer = vec![0; 1 << 20];
    while left > 0 {
        let most = left.min(buffer.len());
        client.read_exact(&mut buffer[..most])?;
        left -= most;
        thread::sleep(Duration::from_millis(100));
    }
    let mut ping = [0; 6];
    client.read_exact(&mut ping)?;
    assert_eq!(ping[..2], *b"\x89\x04");
    client.write_all(&[b"\x8A\x84\0\0\0\0", &ping[2..], b"\x88\x80\0\0\0\0"].concat())?;
    assert_eq!(server.join().expect("no panic")?, (None, true));
    Ok(())
}

// T1, T2: code and reason are kept, and the end is not clean, because our Close never leaves: it is queued
// behind more than the peer reads.
#[test]
fn a_reset_behind_a_close_is_not_clean_and_the_address_stays_known() {
    let (server, address, ends) = serve(ServerOptions::new());
    let mut client = open_by_hand(&address);
    let peer = client.local_addr().expect("an address");
    while server.handle().connections().is_empty() {
        thread::yield_now();
    }
    server.handle().broadcast(vec![0; 64 << 20]);
    let [ws] = &server.handle().connections()[..] else { panic!("one connection") };
    assert!(ws.buffered_amount() > 0);
    client.write_all(b"\x88\x85\0\0\0\0\x0F\xA3bye").expect("written");
    // Unread input makes the close of the socket a reset.
    drop(client);
    let (ws, info) = ends.recv_timeout(HANGS).expect("an end");
    assert_eq!((info.code, &*info.reason, info.was_clean), (4003.into(), "bye", false));
    assert_eq!(ws.peer_addr(), Some(peer), "in the last call, too");
    end(server);
}

// T2: a reset before any input was read.
#[test]
fn the_address_is_what_accept_returned() {
    let (server, address, ends) = serve(ServerOptions::new());
    let mut client = open_by_hand(&address);
    let peer = client.local_addr().expect("an address");
    client.write_all(b"\x81\x81\0\0\0\0x").expect("written");
    drop(client);
    let (ws, _) = ends.recv_timeout(HANGS).expect("an end");
    assert_eq!(ws.peer_addr(), Some(peer));
    drop(server.handle().connections());
    assert_eq!(ws.peer_addr(), Some(peer), "until the handle is gone");
    end(server);
}

// B8: the request comes in two parts, and the whole refusal arrives.
#[test]
fn a_refusal_of_a_full_server_is_not_overtaken_by_a_reset() {
    let (server, address, _ends) = serve(ServerOptions::new().max_connections(0));
    let mut client = TcpStream::connect(&address).expect("a server");
    let (first, second) = REQUEST.split_at(40);
    client.write_all(first).expect("written");
    // Most likely refused by now.
    thread::sleep(Duration::from_millis(50));
    client.write_all(second).expect("the server still reads");
    thread::sleep(Duration::from_millis(20));
    let answer = String::from_utf8(read_all(&mut client)).expect("text");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("Too many"), "{answer}");
    drop(client);
    end(server);
}

// B1
#[test]
fn a_flood_of_connections_is_refused_and_survived() {
    const MOST: usize = 50;
    const FLOOD: usize = 500;
    let (server, address, _ends) = serve(ServerOptions::new().max_connections(MOST));
    let kept: Vec<_> = (0..MOST).map(|_| open_by_hand(&address)).collect();
    let refused: Vec<_> = (0..FLOOD)
        .map(|_| {
            let mut client = TcpStream::connect(&address).expect("a backlog");
            // Fails if the server has refused and dropped the connection.
            let _ = client.write_all(REQUEST);
            client
        })
        .collect();
    for mut client in refused {
        let mut answer = [0; 12];
        client.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 503");
    }
    drop(kept);
    let began = Instant::now();
    while !server.handle().connections().is_empty() {
        assert!(began.elapsed() < HANGS);
        thread::yield_now();
    }
    // The last permits become free a moment later.
    let mut ws = loop {
        match connect(&url(&address)) {
            Ok(ws) => break ws,
            Err(Error::Http(response)) if response.status() == 503 => {}
            Err(error) => panic!("{error}"),
        }
    };
    ws.send("alive").expect("open");
    assert_eq!(ws.recv().expect("an echo"), Some("alive".into()));
    end(server);
}

// L15
#[test]
fn many_connect_at_once() {
    const CLIENTS: usize = 800;
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address");
    // The server does not accept yet; the backlog holds all connections.
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| TcpStream::connect_timeout(&address, HANGS).expect("a backlog"))
        .collect();
    assert_eq!(clients.len(), CLIENTS);
}

// B7
#[test]
fn no_time_is_too_long() -> Result<(), Error> {
    let config = Config::new()
        .handshake_timeout(Some(Duration::MAX))
        .close_timeout(Some(Duration::MAX))
        .write_timeout(Some(Duration::MAX))
        .keep_alive(Some(KeepAlive::new(Duration::MAX, Duration::MAX)));
    let (server, address, ends) = serve(ServerOptions::new().config(config));
    let mut ws = connect(&url(&address))?;
    ws.set_recv_timeout(Some(Duration::MAX));
    ws.set_send_timeout(Some(Duration::MAX));
    ws.send("Hello")?;
    assert_eq!(ws.recv()?, Some("Hello".into()));
    server.handle().terminate(Some(Duration::MAX));
    assert_eq!(ws.wait_closed()?.code, CloseCode::GOING_AWAY);
    ends.recv_timeout(HANGS).expect("an end");
    server.join();
    Ok(())
}

// T13, T14
#[test]
fn a_server_closes_with_its_codes_and_a_long_reason_is_cut() -> Result<(), Error> {
    for code in [CloseCode::GOING_AWAY, CloseCode::UNSUPPORTED_DATA, CloseCode::new(4400)] {
        let (server, address, ends) = serve(ServerOptions::new());
        let mut ws = connect(&url(&address))?;
        ws.send("sync")?;
        ws.recv()?;
        let handle = server.handle().connections().remove(0);
        handle.terminate(code, &"é".repeat(100))?;
        let info = ws.wait_closed()?;
        assert_eq!((info.code, &*info.reason), (code, &*"é".repeat(61)));
        ends.recv_timeout(HANGS).expect("an end");
        end(server);
    }
    Ok(())
}

#[test]
fn bytes_that_are_lost_are_not_flushed() -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let server = thread::spawn(move || -> Result<_, Error> {
        let mut ws = accept_with(listener.accept()?.0, Config::new(), yes)?.expect("an upgrade");
        assert_eq!(ws.flush()?, SendStatus::Sent);
        // The client does not read.
        assert_eq!(ws.send(vec![7; 64 << 20])?, SendStatus::Queued);
        ws.handle().abort();
        assert!(ws.handle().buffered_amount() > 0);
        Ok(ws.flush())
    });
    let _client = open_by_hand(&address);
    let flushed = server.join().expect("no panic")?;
    assert!(
        matches!(&flushed, Err(Error::Io(error)) if error.kind() == ErrorKind::BrokenPipe),
        "{flushed:?}"
    );
    Ok(())
}
