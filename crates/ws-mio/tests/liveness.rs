//! Both directions go on, and no connection holds up others.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;
use support::{LONG, Log, Recorder, frame, open, read_frame, read_head, request, wait_until};
use ws_mio::wsproto::handshake::accept_key;
use ws_mio::wsproto::{CloseCode, CloseFrame, CloseInfo};
use ws_mio::{
    ClientOptions, ConnectionHandler, Decision, Error, EventLoop, LoopHandle, Message,
    RunningServer, ServerOptions, WebSocketConnection, WebSocketServer,
};

const LARGE: usize = 20_000_000;

fn serve<H: ConnectionHandler>(
    options: ServerOptions,
    handler: impl Fn() -> H + Send + 'static,
) -> (RunningServer, SocketAddr) {
    let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
    let address = server.local_addr().expect("an address");
    let server = server.spawn(move |_: &_, _: &_| Decision::accept(handler()));
    (server.expect("a thread"), address)
}

fn end(server: RunningServer) {
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

/// Runs a client on a loop of its own.
fn run(address: SocketAddr, handler: impl ConnectionHandler) -> thread::JoinHandle<()> {
    let mut event_loop = EventLoop::new().expect("a loop");
    let request = request(&format!("ws://{address}/"));
    event_loop.connect(request, ClientOptions::default(), handler).expect("a request");
    thread::spawn(move || event_loop.run().expect("events"))
}

/// Sends messages of that size at the opening, as many as there is room for, and more when there is room again.
struct Sending {
    size: usize,
    to_send: usize,
    to_receive: usize,
    log: Log,
}

impl Sending {
    fn send(&mut self, ws: &WebSocketConnection) {
        while self.to_send > 0 {
            match ws.send(vec![7; self.size]) {
                Ok(_) => self.to_send -= 1,
                Err(Error::WouldExceed(_)) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl ConnectionHandler for Sending {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.send(ws);
    }

    fn on_drained(&mut self, ws: &WebSocketConnection) {
        self.send(ws);
    }

    fn on_message(&mut self, _: &WebSocketConnection, message: Message) {
        assert!(message == vec![7; self.size].into());
        self.to_receive -= 1;
        if self.to_receive == 0 {
            self.log.note("all");
        }
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        self.log.note(format!("error {error}"));
    }
}

#[test]
fn two_ends_that_send_at_once_both_receive() {
    // L1: one large message, or many small ones with on_drained.
    for (size, count) in [(LARGE, 1), (10_000, LARGE / 10_000)] {
        let logs = [Log::default(), Log::default()];
        let sending =
            move |log: &Log| Sending { size, to_send: count, to_receive: count, log: log.clone() };
        let options = ServerOptions::new().max_message_size(LARGE as u64);
        let (of_server, of_client) = (logs[0].clone(), sending(&logs[1]));
        let (server, address) = serve(options, move || sending(&of_server));
        let client = run(address, of_client);
        logs.iter().for_each(|log| log.wait("all"));
        assert!(logs.iter().all(|log| log.lines() == ["all"]), "{logs:?}");
        end(server);
        client.join().expect("no panic");
    }
}

/// Is a server until the end of the handshake.
fn accept_by_hand(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().expect("a client");
    let head = read_head(&mut stream);
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let accept = accept_key(key.expect("a key"));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).expect("written");
    stream
}

#[test]
fn a_client_reads_whatever_it_has_to_write() {
    // L1b: the server writes 10 MB, and only then reads.
    const SIZE: usize = 10_000_000;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (address, log) = (listener.local_addr().expect("an address"), Log::default());
    let client = run(address, Sending { size: SIZE, to_send: 1, to_receive: 1, log: log.clone() });
    let mut stream = accept_by_hand(&listener);
    stream.set_write_timeout(Some(LONG)).expect("not zero");
    let mut wire = vec![0x82, 127];
    wire.extend((SIZE as u64).to_be_bytes());
    wire.extend(vec![7; SIZE]);
    stream.write_all(&wire).expect("the client reads");
    log.wait("all");
    let mut theirs = vec![0; 14 + SIZE];
    stream.read_exact(&mut theirs).expect("the client writes");
    drop(stream);
    client.join().expect("no panic");
}

/// Sends as much as there is room for, again and again.
struct Refilling(Arc<AtomicU64>);

impl Refilling {
    fn fill(ws: &WebSocketConnection) {
        while ws.send(vec![7; 10_000]).is_ok() {}
    }
}

impl ConnectionHandler for Refilling {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        match message {
            Message::Text(_) => Self::fill(ws),
            message => drop(ws.send(message)),
        }
    }

    fn on_drained(&mut self, ws: &WebSocketConnection) {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self::fill(ws);
    }
}

#[test]
fn a_handler_that_fills_up_again_each_time_holds_up_nobody() {
    // L6: `on_drained` that sends again each time
    let drained = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&drained);
    let (server, address) = serve(ServerOptions::new(), move || Refilling(Arc::clone(&counted)));
    let mut greedy = open(address);
    greedy.write_all(&frame(0x81, b"go")).expect("written");
    let reading = thread::spawn(move || std::io::copy(&mut greedy, &mut std::io::sink()));
    wait_until("it goes on", || drained.load(Ordering::Relaxed) > 10);
    let mut other = open(address);
    for number in 0..100_u32 {
        let (before, start) = (drained.load(Ordering::Relaxed), Instant::now());
        other.write_all(&frame(0x82, &number.to_be_bytes())).expect("written");
        assert_eq!(read_frame(&mut other).1, number.to_be_bytes());
        let calls = drained.load(Ordering::Relaxed) - before;
        // As many as fit in the time, and not hundreds in a turn.
        assert!(start.elapsed() < Duration::from_secs(1), "{calls} calls, {:?}", start.elapsed());
    }
    end(server);
    // It may be a reset.
    drop(reading.join().expect("no panic"));
}

#[test]
fn a_large_message_is_neither_copied_nor_written_at_once() {
    // L21
    const HUGE: usize = 256 << 20;
    let (server, address) = serve(ServerOptions::new(), || {
        |ws: &WebSocketConnection, message: Message| {
            if let Message::Binary(_) = message {
                return drop(ws.send(message));
            }
            let (huge, start) = (vec![0; HUGE], Instant::now());
            ws.send(huge).expect("room");
            let took = start.elapsed();
            assert!(took < Duration::from_millis(50), "{took:?} for a message that is owned");
        }
    });
    let mut peer = open(address);
    peer.write_all(&frame(0x81, b"go")).expect("written");
    let reading = thread::spawn(move || {
        let (first, payload) = read_frame(&mut peer);
        (first, payload.len())
    });
    let mut other = open(address);
    let mut echoes = 0_u32;
    while !reading.is_finished() {
        let start = Instant::now();
        other.write_all(&frame(0x82, &echoes.to_be_bytes())).expect("written");
        assert_eq!(read_frame(&mut other).1, echoes.to_be_bytes());
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        echoes += 1;
    }
    assert_eq!(reading.join().expect("no panic"), (0x82, HUGE));
    assert!(echoes > 10, "{echoes} echoes meanwhile");
    end(server);
}

/// Tells of the end, after which somebody else connects again.
struct Reconnecting(Log);

impl ConnectionHandler for Reconnecting {
    fn on_open(&mut self, _: &WebSocketConnection) {
        self.0.note("open");
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        self.0.note(format!("terminate {}", u16::from(info.code)));
    }
}

#[test]
fn a_loop_that_can_still_be_used_goes_on() {
    // L20
    let (server, address) = serve(ServerOptions::new(), || Recorder(Log::default()));
    let (event_loop, log) = (EventLoop::new().expect("a loop"), Log::default());
    let handle = event_loop.handle();
    let connect = |handle: &LoopHandle, log: &Log| {
        let request = request(&format!("ws://{address}/"));
        handle.connect(request, ClientOptions::default(), Reconnecting(log.clone()))
    };
    let running = thread::spawn(move || event_loop.run());
    connect(&handle, &log).expect("a loop");
    wait_until("a connection", || server.handle().connections().len() == 1);
    for ws in server.handle().connections() {
        let restart = CloseFrame::new(CloseCode::new(1012), "").expect("a code");
        ws.close_with(restart).expect("open");
    }
    log.wait("terminate 1012");
    thread::sleep(Duration::from_millis(500));
    let again = Log::default();
    let ws = connect(&handle, &again).expect("the loop goes on");
    again.wait("open");
    ws.close(None).expect("open");
    again.wait("terminate 1005");
    assert!(!running.is_finished());
    drop(handle);
    running.join().expect("no panic").expect("events");
    end(server);
}

#[test]
fn a_loop_that_was_made_long_ago_knows_the_time() {
    let (server, address) = serve(ServerOptions::new(), || Recorder(Log::default()));
    let (mut event_loop, log) = (EventLoop::new().expect("a loop"), Log::default());
    thread::sleep(Duration::from_millis(400));
    let options = ClientOptions::new().connect_timeout(Some(Duration::from_millis(300)));
    let request = request(&format!("ws://{address}/"));
    let ws = event_loop.connect(request, options, Reconnecting(log.clone())).expect("a request");
    let running = thread::spawn(move || event_loop.run());
    log.wait("");
    assert_eq!(log.lines(), ["open"]);
    ws.close(None).expect("open");
    running.join().expect("no panic").expect("events");
    end(server);
}

#[test]
fn no_decision_of_another_thread_is_overlooked() {
    // Made at any moment of the turn that asks for it.
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address");
    let (to, deciders) = std::sync::mpsc::channel::<ws_mio::Decider<Recorder>>();
    let deciding = thread::spawn(move || {
        for (number, decider) in deciders.iter().enumerate() {
            for _ in 0..number % 50 * 20 {
                std::hint::spin_loop();
            }
            decider.decide(Decision::accept(Recorder(Log::default())));
        }
    });
    let server = server.spawn(move |_: &_, _: &_| {
        let (decision, decider) = Decision::later();
        to.send(decider).expect("a thread");
        decision
    });
    let server = server.expect("a thread");
    for _ in 0..2000 {
        let start = Instant::now();
        drop(open(address));
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
    end(server);
    deciding.join().expect("no panic");
}

/// Records the addresses of peers.
struct Addressed(Log);

impl ConnectionHandler for Addressed {
    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

    fn on_terminate(&mut self, ws: &WebSocketConnection, _: &CloseInfo) {
        self.0.note(format!("{:?}", ws.peer_addr()));
    }
}

#[test]
fn the_address_of_a_peer_is_known_to_the_end() {
    // T2
    let log = Log::default();
    let to = log.clone();
    let (server, address) = serve(ServerOptions::new(), move || Addressed(to.clone()));
    let peer = open(address);
    let expected = format!("{:?}", peer.local_addr().ok());
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("a socket");
    drop(peer);
    log.wait("Some");
    assert_eq!(log.lines(), [expected]);
    end(server);
}

#[test]
fn an_end_right_behind_a_close_is_clean() {
    // T12, of the loop itself.
    let log = Log::default();
    let to = log.clone();
    let (server, address) = serve(ServerOptions::new(), move || Recorder(to.clone()));
    let mut peer = open(address);
    peer.write_all(&frame(0x88, &[3, 0xE8])).expect("written");
    peer.shutdown(Shutdown::Both).expect("open");
    drop(peer);
    log.wait("terminate 1000");
    assert_eq!(log.lines(), ["open", "terminate 1000"]);
    end(server);
}
