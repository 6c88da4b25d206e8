use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Instant;

use ws_common::adapter::MOST_EVENTS;
use ws_common::{Decision, Message, ServerOptions};
use wsproto::Config;
use wsproto::url::WsUrl;

use super::*;

mod publishing;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn a_flood_is_in_the_list_once() {
    // L5
    let mut event_loop = EventLoop::new().expect("a loop");
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address");
    let handle = event_loop.serve(server, |_: &_, _: &_| {
        Decision::accept(|ws: &WebSocketConnection, message: Message| drop(ws.send(message)))
    });
    let handle = handle.expect("a listener");
    let floods: Vec<_> = (0..3)
        .map(|number| {
            let mut tcp = TcpStream::connect(address).expect("a server");
            // Pongs, which need no answer; or messages, whose echoes a thread reads.
            let frame: &[u8] = [b"\x8A\x84\0\0\0\0pong", b"\x82\x84\0\0\0\0echo"][number % 2];
            let mut reading = tcp.try_clone().expect("a descriptor");
            thread::spawn(move || io::copy(&mut reading, &mut io::sink()));
            thread::spawn(move || {
                tcp.write_all(REQUEST).expect("written");
                let wire = frame.repeat(10_000);
                while tcp.write_all(&wire).is_ok() {}
            })
        })
        .collect();
    let (mut events, start) = (Events::with_capacity(EVENTS), Instant::now());
    let mut rounds = 0;
    while start.elapsed() < Duration::from_secs(1) || rounds < 1000 {
        assert!(event_loop.round(&mut events).expect("events"));
        let carried = event_loop.shared.slots().len() + event_loop.listeners.len();
        assert!(event_loop.queue.len() <= carried, "{event_loop:?} after {rounds} rounds");
        rounds += 1;
    }
    handle.terminate(Some(Duration::ZERO));
    event_loop.run().expect("events");
    floods.into_iter().for_each(|flood| flood.join().expect("no panic"));
}

#[test]
fn a_turn_handles_so_many_events_and_no_more() {
    // L6: a read holds thousands of small messages, and every one arrives.
    const MESSAGES: usize = 9000;
    let mut event_loop = EventLoop::new().expect("a loop");
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address");
    let received = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&received);
    let handle = event_loop.serve(server, move |_: &_, _: &_| {
        let counter = Arc::clone(&counter);
        Decision::accept(move |_: &WebSocketConnection, _: Message| {
            counter.fetch_add(1, Ordering::Relaxed);
        })
    });
    let handle = handle.expect("a listener");
    let mut tcp = TcpStream::connect(address).expect("a server");
    tcp.write_all(REQUEST).expect("written");
    tcp.write_all(&b"\x82\x81\0\0\0\0.".repeat(MESSAGES)).expect("written");
    let mut events = Events::with_capacity(EVENTS);
    let mut before = 0;
    while before < MESSAGES {
        assert!(event_loop.round(&mut events).expect("events"));
        let now = received.load(Ordering::Relaxed);
        // In a round, a connection has at most two turns: for an event, and from the queue.
        assert!(now - before <= 2 * MOST_EVENTS, "{} in a round", now - before);
        before = now;
    }
    handle.terminate(Some(Duration::ZERO));
    event_loop.run().expect("events");
}

#[test]
fn no_deadline_is_too_late_to_wait_for() {
    // B7: in 32 bits, 2^32 ms would become 0, and 2^31 ms negative.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    for timeout in [
        Duration::from_millis(1 << 32),
        Duration::from_millis(1 << 31),
        Duration::from_secs(u64::MAX / 1_000_000_000),
        Duration::MAX,
    ] {
        let mut event_loop = EventLoop::new().expect("a loop");
        let options = ClientOptions::from(Config::new().handshake_timeout(Some(timeout)))
            .connect_timeout(Some(timeout));
        let request = ClientRequest::new(WsUrl::parse(&url).expect("a URL"));
        let handler = |_: &WebSocketConnection, _: Message| {};
        event_loop.connect(request, options, handler).expect("a request");
        let handle = event_loop.handle();
        let stop = thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            handle.stop();
        });
        let (mut events, mut rounds) = (Events::with_capacity(EVENTS), 0);
        while event_loop.round(&mut events).expect("events") {
            rounds += 1;
        }
        assert!(rounds < 20, "{rounds} rounds in which nothing was to do, with {timeout:?}");
        stop.join().expect("no panic");
    }
}
