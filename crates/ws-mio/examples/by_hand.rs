//! An echo server on `mio` and the engine `wsproto`, without `ws-mio`. `mio_own_loop` is the same server with
//! the event source of `ws-mio`.
//!
//! ```text
//! cargo run --release -p ws-mio --example by_hand [-- 127.0.0.1:9002]
//! ```

use std::collections::HashMap;
use std::io::ErrorKind::{Interrupted, WouldBlock};
use std::io::{Read, Write};
use std::mem;
use std::net::{Shutdown, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use wsproto::handshake::Accept;
use wsproto::{
    Advice, CloseCode, CloseFrame, Config, Endpoint, Event, KeepAlive, Server, SessionEvent,
};

const USAGE: &str = "\
usage: by_hand [ADDRESS]

Echoes every message, at ADDRESS (default 127.0.0.1:9002; port 0 selects a free port).
Ctrl-C closes all connections with 1001.
";

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let default = SocketAddr::from(([127, 0, 0, 1], 9002));
    let address = arguments.word_if_any("ADDRESS")?.unwrap_or(default);
    arguments.end()?;

    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(256));
    let mut listener = TcpListener::bind(address).map_err(cannot_listen(address))?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;

    // The signal handler and the loop share the waker: dropping it would discard a wake-up not yet
    // delivered.
    let interrupt = Arc::new((AtomicBool::new(false), Waker::new(poll.registry(), WAKER)?));
    let interrupted = Arc::clone(&interrupt);
    on_ctrl_c(move || {
        interrupt.0.store(true, Ordering::Release);
        // If it fails, the loop sees the flag after its next event or deadline.
        let _ = interrupt.1.wake();
    })?;
    println!("listening on {}", listener.local_addr()?);
    let mut ending = false;

    let (start, mut buffer) = (Instant::now(), vec![0; 64 << 10]);
    let (mut connections, mut last) = (HashMap::<Token, Connection>::new(), WAKER);
    while !ending || !connections.is_empty() {
        let deadline = connections.values().filter_map(|one| one.ws.deadline()).min();
        let patience = match connections.values().any(Connection::can_go_on) {
            true => Some(Duration::ZERO),
            false => deadline.map(|at| at.saturating_sub(start.elapsed())),
        };
        match poll.poll(&mut events, patience) {
            Err(error) if error.kind() != Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            if let Some(one) = connections.get_mut(&event.token()) {
                one.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                one.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
            }
        }
        let now = start.elapsed();
        if interrupted.0.load(Ordering::Acquire) && !mem::replace(&mut ending, true) {
            poll.registry().deregister(&mut listener)?;
            let goodbye = CloseFrame::new(CloseCode::GOING_AWAY, "")?;
            for one in connections.values_mut() {
                // It fails only if the connection is closed already.
                let _ = one.ws.close(Some(&goodbye), now);
            }
        }
        while !ending && let Ok((mut tcp, _)) = listener.accept() {
            last.0 += 1;
            poll.registry().register(&mut tcp, last, Interest::READABLE | Interest::WRITABLE)?;
            connections.insert(last, Connection::new(tcp, now));
        }
        connections.retain(|_, one| {
            one.turn(now, &mut buffer);
            one.ws.advice() != Advice::Drop
        });
    }
    Ok(())
}

struct Connection {
    tcp: TcpStream,
    ws: Endpoint<Server>,
    /// Whether a read may succeed. Events are edge-triggered, so this holds until a read would block.
    readable: bool,
    /// Whether a write may succeed.
    writable: bool,
    half_closed: bool,
}

impl Connection {
    fn new(tcp: TcpStream, now: Duration) -> Self {
        let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(30));
        let ws = Endpoint::server(Config::new().keep_alive(Some(keep_alive)), now);
        Self { tcp, ws, readable: true, writable: true, half_closed: false }
    }

    /// Returns whether the connection can make progress without another event.
    fn can_go_on(&self) -> bool {
        self.ws.has_input()
            || self.readable && self.ws.wants_read()
            || self.writable && self.ws.unwritten() > 0
    }

    /// Reads once, so that a peer that never stops sending delays neither other connections nor its own
    /// deadline.
    fn turn(&mut self, now: Duration, buffer: &mut [u8]) {
        let mut read = 0;
        if self.readable && self.ws.wants_read() {
            match self.tcp.read(buffer) {
                Ok(len @ 1..) => read = len,
                Err(error) if error.kind() == WouldBlock => self.readable = false,
                Err(error) if error.kind() == Interrupted => {}
                Ok(_) | Err(_) => self.ws.end_of_input(now),
            }
        }
        self.react(now, &mut buffer[..read]);
        self.ws.handle_timeout(now);
        // Writing may make room for more events, or complete the closing handshake.
        for _ in 0..2 {
            self.react(now, &mut []);
            self.write(now);
        }
        self.react(now, &mut []);
    }

    /// The application. Sending fails only if the connection is closing.
    fn react(&mut self, now: Duration, mut input: &mut [u8]) {
        let ws = &mut self.ws;
        while let Some(event) = ws.next_event(now, &mut input) {
            let _ = match event {
                SessionEvent::Upgrade => ws.accept(&Accept::new(), now).is_ok(),
                SessionEvent::Received(Event::Text(text)) => ws.send_text(text).is_ok(),
                SessionEvent::Received(Event::Binary(bytes)) => ws.send_binary(bytes).is_ok(),
                _ => true,
            };
        }
    }

    /// Writes until the stream would block, and reports the progress to the endpoint.
    fn write(&mut self, now: Duration) {
        while self.writable && !self.ws.pending().is_empty() {
            match self.tcp.write(self.ws.pending()) {
                Ok(len @ 1..) => self.ws.wrote(len, now),
                Err(error) if error.kind() == WouldBlock => self.writable = false,
                Err(error) if error.kind() == Interrupted => {}
                // Bytes that the peer sent before it went away can still be read.
                Ok(_) | Err(_) => self.ws.write_failed(),
            }
        }
        let is_done = self.ws.advice() == Advice::Shutdown && self.ws.unwritten() == 0;
        if is_done && !mem::replace(&mut self.half_closed, true) {
            // If it fails, the peer has gone, and the next read fails, too.
            let _ = self.tcp.shutdown(Shutdown::Write);
        }
    }
}
