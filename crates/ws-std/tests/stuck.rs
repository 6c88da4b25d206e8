//! Peers that do not read: no call waits for them longer than their session lasts, and most do not wait.

#[path = "support/net.rs"]
mod net;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use net::{open_by_hand, url, yes};
use ws_std::wsproto::{CloseInfo, Config, KeepAlive, SessionError};
use ws_std::{
    ConnectionHandler, Decision, Error, Message, RunningServer, SendStatus, ServerOptions,
    WebSocketConnection, WebSocketServer, accept_with, connect,
};

/// More than all buffers on the path hold.
const LARGE: usize = 64 << 20;
/// A timeout that only a hang reaches.
const HANGS: Duration = Duration::from_secs(60);
/// A client's text frame with a payload of one byte.
const TEXT: &[u8] = b"\x81\x81\0\0\0\0x";

fn serve<H: ConnectionHandler>(
    options: ServerOptions,
    handler: impl Fn() -> H + Send + 'static,
) -> (RunningServer, String) {
    let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
    let address = server.local_addr().expect("an address").to_string();
    let server = server.spawn(move |_: &_, _: &_| Decision::accept(handler()));
    (server.expect("a thread"), address)
}

/// Waits until the server has `count` connections.
fn wait_for(server: &RunningServer, count: usize) {
    let began = Instant::now();
    while server.handle().connections().len() != count {
        assert!(began.elapsed() < HANGS, "not {count} connections");
        thread::sleep(Duration::from_millis(1));
    }
}

// L1c
#[test]
fn one_thread_receives_although_the_peer_reads_later() -> Result<(), Error> {
    const SIZE: usize = 10 << 20;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    // The peer writes everything before it reads.
    let server = thread::spawn(move || -> Result<_, Error> {
        let (stream, _) = listener.accept()?;
        let mut ws = accept_with(stream, Config::default(), yes)?.expect("an upgrade");
        for _ in 0..10 {
            ws.send_binary(&vec![1; SIZE / 10])?;
        }
        let received = ws.recv()?;
        ws.close(None)?;
        ws.wait_closed()?;
        Ok(received)
    });
    let mut ws = connect(&url(&address))?;
    let patience = Some(Duration::from_millis(50));
    ws.set_recv_timeout(patience);
    ws.set_send_timeout(patience);
    assert_eq!(ws.send_binary(&vec![2; SIZE])?, SendStatus::Queued);
    let (mut received, began) = (0, Instant::now());
    loop {
        assert!(began.elapsed() < HANGS, "{received} bytes were received");
        match ws.recv() {
            Ok(Some(Message::Binary(bytes))) => received += bytes.len(),
            Ok(Some(message)) => panic!("{message:?}"),
            Ok(None) => break,
            Err(Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(received, SIZE);
    assert_eq!(server.join().expect("no panic")?, Some(vec![2; SIZE].into()));
    Ok(())
}

/// A handler that sends more than the peer reads, in the receiving thread.
struct Sends {
    outcome: Sender<Result<SendStatus, Error>>,
    handle: Sender<WebSocketConnection>,
    end: Sender<CloseInfo>,
}

impl ConnectionHandler for Sends {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.handle.send(ws.clone()).expect("the test waits");
    }

    fn on_message(&mut self, ws: &WebSocketConnection, _: Message) {
        let large = vec![0; LARGE];
        let mut outcome = ws.send_binary(&large);
        while outcome.is_ok() {
            outcome = ws.send_binary(&large);
        }
        self.outcome.send(outcome).expect("the test waits");
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        self.end.send(info.clone()).expect("the test waits");
    }
}

type Outcomes =
    (Receiver<Result<SendStatus, Error>>, Receiver<WebSocketConnection>, Receiver<CloseInfo>);

fn server_that_sends(config: Config) -> (RunningServer, String, Outcomes) {
    let (outcome, outcomes) = mpsc::channel();
    let (handle, handles) = mpsc::channel();
    let (end, ends) = mpsc::channel();
    let options = ServerOptions::new().config(config);
    let (server, address) = serve(options, move || Sends {
        outcome: outcome.clone(),
        handle: handle.clone(),
        end: end.clone(),
    });
    (server, address, (outcomes, handles, ends))
}

// L2
#[test]
fn a_handler_that_sends_waits_no_longer_than_the_keep_alive() {
    let half = Duration::from_millis(500);
    let config = Config::new().keep_alive(Some(KeepAlive::new(half, half))).write_timeout(None);
    let (server, address, (outcomes, _handles, ends)) = server_that_sends(config);
    let mut stuck = open_by_hand(&address);
    // The second waits for the handler, and must not be taken for a Pong.
    stuck.write_all(&[TEXT, TEXT].concat()).expect("written");
    let outcome = outcomes.recv_timeout(HANGS).expect("it does not wait for ever");
    assert!(matches!(outcome, Err(Error::Send(_) | Error::Io(_))), "{outcome:?}");
    assert!(!ends.recv_timeout(HANGS).expect("an end").was_clean);
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

// L2
#[test]
fn a_handler_that_sends_waits_no_longer_than_a_closing_from_elsewhere() {
    let config = Config::new().close_timeout(Some(Duration::from_secs(1))).write_timeout(None);
    let (server, address, (outcomes, handles, ends)) = server_that_sends(config);
    let mut stuck = open_by_hand(&address);
    stuck.write_all(TEXT).expect("written");
    let handle = handles.recv().expect("open");
    while handle.buffered_amount() == 0 {
        thread::yield_now();
    }
    handle.close_with(None).expect("open");
    let outcome = outcomes.recv_timeout(HANGS).expect("it does not wait for ever");
    assert!(matches!(outcome, Err(Error::Send(_) | Error::Io(_))), "{outcome:?}");
    assert!(!ends.recv_timeout(HANGS).expect("an end").was_clean);
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

/// Connects clients that never read.
fn stuck_clients(server: &RunningServer, address: &str, count: usize) -> Vec<TcpStream> {
    let clients: Vec<_> = (0..count).map(|_| open_by_hand(address)).collect();
    wait_for(server, count);
    clients
}

// L3: also inside `on_connection`, while the server's handler is locked. Without a write timeout.
#[test]
fn a_stuck_subscriber_holds_up_nobody() -> Result<(), Error> {
    let config = Config::new().write_timeout(None);
    let options = ServerOptions::new().config(config);
    let server = WebSocketServer::bind("127.0.0.1:0", options)?;
    let address = server.local_addr()?.to_string();
    struct Subscriber;
    impl ConnectionHandler for Subscriber {
        fn on_open(&mut self, ws: &WebSocketConnection) {
            ws.subscribe("news").expect("open");
        }
        fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}
    }
    let server = server.spawn(|server: &ws_std::ServerHandle, _: &_| {
        for _ in 0..3 {
            server.broadcast(vec![0; 8 << 20]);
            server.publish("news", vec![0; 8 << 20]);
        }
        Decision::accept(Subscriber)
    })?;
    let _stuck = stuck_clients(&server, &address, 1);
    let stuck = server.handle().connections().remove(0);
    // Other clients still connect, and publications reach them.
    let mut reads = connect(&url(&address))?;
    wait_for(&server, 2);
    while server.handle().subscribers("news").len() < 2 {
        thread::yield_now();
    }
    let done = server.handle().publish("news", "hello");
    assert_eq!((done.sent, done.refused), (1, vec![stuck.clone()]));
    assert_eq!(reads.recv()?, Some("hello".into()));
    assert_eq!(server.handle().broadcast("all").refused, [stuck]);
    assert_eq!(reads.recv()?, Some("all".into()));
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
    Ok(())
}

// L4: `broadcast` tries each stuck peer once, in one thread, without a pause that adds up.
#[test]
fn many_stuck_peers_cost_no_time() {
    const PEERS: usize = 300;
    let options = ServerOptions::new().config(Config::new().write_timeout(Some(Duration::ZERO)));
    let (server, address) = serve(options, || |_: &WebSocketConnection, _: Message| {});
    let _stuck = stuck_clients(&server, &address, PEERS);
    let large = Message::Binary(vec![0; 16 << 20]);
    server.handle().broadcast(large);
    let connections = server.handle().connections();
    assert!(connections.iter().all(|ws| ws.buffered_amount() > 0), "all are stuck");
    // A pause of one tick per peer would add up to 2.4 s. Many rounds reduce noise.
    let best = (0..10)
        .map(|_| {
            let began = Instant::now();
            let done = server.handle().broadcast("more");
            assert_eq!((done.sent, done.refused.len()), (0, PEERS));
            began.elapsed()
        })
        .min();
    assert!(best.is_some_and(|best| best < Duration::from_millis(300)), "{best:?}");
    server.handle().terminate(None);
    let began = Instant::now();
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
    assert!(began.elapsed() < HANGS);
}

/// Sends `left` messages: until there is no room, and again in `on_drained`. Reports how many are left.
struct Streams {
    left: usize,
    sent: Sender<usize>,
}

impl Streams {
    fn fill(&mut self, ws: &WebSocketConnection) {
        while self.left > 0 && ws.send(vec![7; 10_000]).is_ok() {
            self.left -= 1;
        }
        self.sent.send(self.left).expect("the test waits");
    }
}

impl ConnectionHandler for Streams {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.fill(ws);
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

    fn on_drained(&mut self, ws: &WebSocketConnection) {
        self.fill(ws);
    }
}

// L1: a handler continues when there is room, although no input arrives.
#[test]
fn a_handler_learns_of_room_although_the_peer_is_silent() {
    const MESSAGES: usize = 5_000;
    let options = ServerOptions::new().config(Config::new().write_timeout(Some(Duration::ZERO)));
    let (sent, left) = mpsc::channel();
    let (server, address) = serve(options, move || Streams { left: MESSAGES, sent: sent.clone() });
    let mut client = open_by_hand(&address);
    let mut frame = [0; 10_004];
    for number in 0..MESSAGES {
        client.set_read_timeout(Some(HANGS)).expect("a socket");
        client.read_exact(&mut frame).unwrap_or_else(|error| panic!("{number}: {error}"));
    }
    assert!(left.iter().any(|left| left == 0));
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

/// Reports `on_drained`.
struct Waits(Sender<WebSocketConnection>, Sender<()>);

impl ConnectionHandler for Waits {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.0.send(ws.clone()).expect("the test waits");
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

    fn on_drained(&mut self, _: &WebSocketConnection) {
        // The test waits for the first call only.
        let _ = self.1.send(());
    }
}

// L1: the same if another thread has filled the connection.
#[test]
fn a_handler_learns_of_room_that_another_thread_waits_for() {
    let options = ServerOptions::new().config(Config::new().write_timeout(Some(Duration::ZERO)));
    let (opened, handles) = mpsc::channel();
    let (drained, room) = mpsc::channel();
    let (server, address) = serve(options, move || Waits(opened.clone(), drained.clone()));
    let mut client = open_by_hand(&address);
    let handle = handles.recv().expect("open");
    // The receiving thread most likely waits for input by now.
    thread::sleep(Duration::from_millis(50));
    while handle.send(vec![7; 100_000]).is_ok() {}
    assert!(room.try_recv().is_err(), "there is none yet");
    let reader = thread::spawn(move || std::io::copy(&mut client, &mut std::io::sink()));
    room.recv_timeout(HANGS).expect("room");
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
    // A reset is an end, too.
    let _ = reader.join().expect("no panic");
}

// L12
#[test]
fn a_peer_that_is_not_there_is_reported_at_once() -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let server = thread::spawn(move || -> Result<_, Error> {
        let soon = Duration::from_millis(100);
        let config = Config::new()
            .keep_alive(Some(KeepAlive::new(soon, soon)))
            // Far longer than the test may take.
            .close_timeout(Some(4 * HANGS));
        let (stream, _) = listener.accept()?;
        let mut ws = accept_with(stream, config, yes)?.expect("an upgrade");
        let began = Instant::now();
        let error = ws.recv().expect_err("silence");
        Ok((error, began.elapsed()))
    });
    let _silent = open_by_hand(&address);
    let (error, after) = server.join().expect("no panic")?;
    assert!(matches!(error, Error::Session(SessionError::KeepAliveTimeout)), "{error}");
    assert!(after < HANGS, "{after:?}");
    Ok(())
}
