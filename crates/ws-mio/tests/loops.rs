//! Loops: several of one server, several servers of one loop, clients from anywhere, and a loop of one's
//! own.

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};
use support::{Log, Recorder, frame, open, read_frame, request, wait_until};
use ws_mio::wsproto::handshake::Accept;
use ws_mio::wsproto::{Config, Event, Role, SessionEvent};
use ws_mio::{
    ClientOptions, ConnectionHandler, Decision, EventLoop, LoopHandle, Message, ServerOptions,
    WebSocket, WebSocketConnection, WebSocketServer,
};

fn echo(ws: &WebSocketConnection, message: Message) {
    // It may be closing.
    let _ = ws.send(message);
}

#[test]
fn several_loops_are_one_server() {
    const COUNT: usize = 60;
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let server = server.threads(3);
    let address = server.local_addr().expect("an address");
    let threads = Arc::new(Mutex::new(std::collections::HashSet::new()));
    let seen = Arc::clone(&threads);
    let server = server.spawn(move |_: &_, _: &_| {
        let seen = Arc::clone(&seen);
        Decision::accept(move |ws: &WebSocketConnection, message: Message| {
            seen.lock().expect("no panic").insert(thread::current().id());
            // From each loop, those of all are seen.
            assert_eq!(ws.server().expect("a server").connections().len(), COUNT);
            echo(ws, message);
        })
    });
    let server = server.expect("threads");
    let mut peers: Vec<_> = (0..COUNT).map(|_| open(address)).collect();
    wait_until("all", || server.handle().connections().len() == COUNT);
    assert!(server.handle().connections().is_sorted());
    for peer in &mut peers {
        peer.write_all(&frame(0x81, b"Hello")).expect("written");
        assert_eq!(read_frame(peer), (0x81, b"Hello".to_vec()));
    }
    assert!(threads.lock().expect("no panic").len() > 1, "the system distributes them");
    assert_eq!(server.handle().broadcast("all").sent, COUNT);
    for connection in server.handle().connections() {
        assert_eq!(server.handle().connection(connection.id()), Some(connection));
    }
    server.handle().terminate(None);
    for mut peer in peers {
        assert_eq!(read_frame(&mut peer).1, b"all");
        assert_eq!(read_frame(&mut peer), (0x88, vec![3, 0xE9]));
        peer.write_all(&frame(0x88, &[3, 0xE9])).expect("written");
        assert_eq!(peer.read(&mut [0]).expect("an orderly end"), 0);
    }
    server.join();
}

#[test]
fn a_loop_serves_two_servers_and_goes_on_until_it_is_stopped() {
    let mut event_loop = EventLoop::new().expect("a loop");
    let mut serve = || {
        let server =
            WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
        event_loop.serve(server, |_: &_, _: &_| Decision::accept(echo)).expect("a listener")
    };
    let (first, second) = (serve(), serve());
    let handle = event_loop.handle();
    let thread = thread::spawn(move || event_loop.run());
    let mut peer = open(first.local_addr().expect("an address"));
    let mut other = open(second.local_addr().expect("an address"));
    first.terminate(Some(Duration::ZERO));
    let mut rest = Vec::new();
    // It may be a reset: nothing is what matters.
    let _ = peer.read_to_end(&mut rest);
    assert_eq!(rest, b"");
    wait_until("the end of the first", || first.is_terminated());
    assert_eq!((first.connections().len(), second.connections().len()), (0, 1));
    other.write_all(&frame(0x81, b"Hello")).expect("written");
    assert_eq!(read_frame(&mut other).1, b"Hello");
    second.terminate(Some(Duration::ZERO));
    wait_until("the end of the second", || second.is_terminated());
    // Somebody can still begin a connection.
    let early = handle.connect(request("ws://127.0.0.1:9/"), ClientOptions::default(), echo);
    assert!(early.is_ok() && !thread.is_finished());
    handle.stop();
    thread.join().expect("no panic").expect("events");
    let late = handle.connect(request("ws://127.0.0.1:9/"), ClientOptions::default(), echo);
    assert!(late.is_err(), "the loop has ended");
}

/// Connects once more from its callback, as often as it is told to, and then ends.
struct Chain {
    left: usize,
    url: String,
    handle: LoopHandle,
    log: Log,
}

impl ConnectionHandler for Chain {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        ws.send(self.left.to_string()).expect("open");
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        assert_eq!(message, self.left.to_string().into());
        self.log.note("answer");
        if let Some(left) = self.left.checked_sub(1) {
            let (url, handle, log) = (self.url.clone(), self.handle.clone(), self.log.clone());
            let next = Self { left, url: url.clone(), handle, log };
            self.handle.connect(request(&url), ClientOptions::default(), next).expect("a loop");
        }
        ws.close(None).expect("open");
    }
}

#[test]
fn clients_begin_in_callbacks_and_in_other_threads() {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let url = format!("ws://{}/", server.local_addr().expect("an address"));
    let server = server.spawn(|_: &_, _: &_| Decision::accept(echo)).expect("a thread");
    let (event_loop, log) = (EventLoop::new().expect("a loop"), Log::default());
    let chain =
        |left| Chain { left, url: url.clone(), handle: event_loop.handle(), log: log.clone() };
    let chains: Vec<_> = (0..4).map(|_| chain(9)).collect();
    let handle = event_loop.handle();
    for first in chains {
        let (handle, url) = (handle.clone(), url.clone());
        thread::spawn(move || handle.connect(request(&url), ClientOptions::default(), first));
    }
    // Until the first has begun, there would be nothing to run for.
    let keeper = request(&url);
    let keeper = handle.connect(keeper, ClientOptions::default(), Recorder(Log::default()));
    let thread = thread::spawn(move || event_loop.run());
    wait_until("all answers", || log.lines().len() == 40);
    keeper.expect("a loop").abort();
    // The last way into the loop: those of the chains are gone.
    drop(handle);
    thread.join().expect("no panic").expect("events");
    server.handle().terminate(None);
    server.join();
}

/// Threads send while the loop is at work with the same connection: nothing may be left lying.
#[test]
fn closures_run_in_the_thread_of_the_loop() {
    // M12
    let event_loop = EventLoop::new().expect("a loop");
    let handle = event_loop.handle();
    let (to, called) = mpsc::channel();
    let from_loop = (handle.clone(), to.clone());
    assert!(handle.post(|| panic!("on purpose")));
    assert!(handle.post(move || {
        let (handle, to) = from_loop;
        let thread = thread::current().id();
        to.send(thread).expect("the test waits");
        assert!(handle.post(move || to.send(thread::current().id()).expect("the test waits")));
    }));
    let running = thread::spawn(move || event_loop.run());
    let thread = running.thread().id();
    let next = || called.recv_timeout(support::LONG).expect("a call");
    assert_eq!([next(), next()], [thread; 2]);
    handle.stop();
    running.join().expect("no panic").expect("events");
    assert!(!handle.post(|| unreachable!("the loop has ended")));
}

#[test]
fn what_threads_send_at_any_moment_is_written() {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address");
    let server = server.spawn(|_: &_, _: &_| Decision::accept(echo)).expect("a thread");
    let mut peer = open(address);
    wait_until("a connection", || !server.handle().connections().is_empty());
    let ws = server.handle().connections().remove(0);
    for number in 0..5000_u32 {
        // Its turn, and something from elsewhere at about the same time, which nothing follows.
        peer.write_all(&frame(0x82, b"echo")).expect("written");
        if number % 3 == 0 {
            thread::yield_now();
        }
        ws.send_binary(&number.to_be_bytes()).expect("open");
        let mut got = [read_frame(&mut peer).1, read_frame(&mut peer).1];
        got.sort();
        assert!(got.contains(&b"echo".to_vec()) && got.contains(&number.to_be_bytes().to_vec()));
    }
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

fn read<'b, R: Role>(ws: &mut WebSocket<R>, buffer: &'b mut [u8], now: Duration) -> &'b mut [u8] {
    if ws.can_read() { ws.read(buffer, now).expect("open") } else { &mut [] }
}

/// Both ends in a `Poll` of one's own, one byte at a time.
#[test]
fn a_loop_of_ones_own_needs_no_more_than_a_byte_at_a_time() {
    const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
    let mut poll = Poll::new().expect("a poll");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let now = Duration::ZERO;
    let tcp = mio::net::TcpStream::connect(address).expect("a socket");
    let url = request(&format!("ws://{address}/"));
    let mut client = WebSocket::client(tcp, url, Config::default(), now).expect("random bytes");
    client.register(poll.registry(), Token(0), BOTH).expect("registered");
    let (tcp, _) = listener.accept().expect("a client");
    tcp.set_nonblocking(true).expect("a socket");
    let tcp = mio::net::TcpStream::from_std(tcp);
    let mut server = WebSocket::server(tcp, Config::default(), now);
    server.register(poll.registry(), Token(1), BOTH).expect("registered");

    let (mut events, mut byte, mut log) = (Events::with_capacity(8), [0], Vec::new());
    let mut client = Some(client);
    while !server.is_finished() {
        let busy = client.as_mut().is_some_and(WebSocket::can_go_on) || server.can_go_on();
        let patience = if busy { Duration::ZERO } else { support::LONG };
        poll.poll(&mut events, Some(patience)).expect("events");
        assert!(busy || !events.is_empty(), "it hangs after {log:?}");
        for event in &events {
            match (event.token(), &mut client) {
                (Token(0), Some(client)) => client.ready(event),
                (Token(0), None) => {}
                _ => server.ready(event),
            }
        }
        if let Some(client) = &mut client {
            let mut input = read(client, &mut byte, now);
            while let Some(event) = client.endpoint().next_event(now, &mut input) {
                log.push(format!("client {event:?}"));
                if let SessionEvent::Open = event {
                    client.endpoint().send_text("Hello").expect("open");
                }
            }
            client.write(now);
        }
        client.take_if(|client| client.is_finished());
        let mut input = read(&mut server, &mut byte, now);
        while let Some(event) = server.endpoint().next_event(now, &mut input) {
            log.push(format!("server {event:?}"));
            match event {
                SessionEvent::Upgrade => {
                    server.endpoint().accept(&Accept::new(), now).expect("an upgrade");
                }
                SessionEvent::Received(Event::Text(text)) => {
                    assert_eq!(text, "Hello");
                    server.endpoint().close(None, now).expect("open");
                }
                _ => {}
            }
        }
        server.write(now);
    }
    let count = |what: &str| log.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((count("client Open"), count("server Open")), (1, 1), "{log:?}");
    assert_eq!((count("client Closed"), count("server Closed")), (1, 1), "{log:?}");
}

/// A36: the end and the last bytes come together, also when nobody looks in between.
#[test]
fn an_end_right_behind_the_last_bytes_is_read() {
    const COUNT: usize = 200;
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let (address, log) = (server.local_addr().expect("an address"), Log::default());
    let to = log.clone();
    let server = server.spawn(move |_: &_, _: &_| Decision::accept(Recorder(to.clone())));
    let server = server.expect("a thread");
    let peers: Vec<_> = (0..COUNT).map(|_| open(address)).collect();
    for mut peer in &peers {
        peer.write_all(&frame(0x81, b"last")).expect("written");
        peer.shutdown(Shutdown::Write).expect("open");
    }
    let ended = |line: &String| line.starts_with("terminate 1006");
    wait_until("all ends", || log.lines().into_iter().filter(ended).count() == COUNT);
    assert_eq!(log.lines().iter().filter(|line| *line == "message last").count(), COUNT);
    server.handle().terminate(None);
    server.join();
}
