//! An echo server with its own `mio` loop, tokens, buffers and clock. A `WebSocket` joins an endpoint of the
//! engine and a stream, and tracks the readiness of the stream.
//!
//! ```text
//! cargo run --release -p ws-mio --example mio_own_loop [-- 127.0.0.1:9002]
//! ```

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{io, mem};

use mio::event::Source;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_mio::WebSocket;
use ws_mio::wsproto::handshake::Accept;
use ws_mio::wsproto::{
    CloseCode, CloseFrame, Config, Endpoint, Event, KeepAlive, Server, SessionEvent,
};

const USAGE: &str = "\
usage: mio_own_loop [ADDRESS]

Echoes every message, at ADDRESS (default 127.0.0.1:9002; port 0 selects a free port).
Ctrl-C closes all connections with 1001.
";

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

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

    let (start, config) = (Instant::now(), Arc::new(config()));
    let (mut buffer, mut outbox) = (vec![0; 64 << 10], None);
    let (mut connections, mut next) = (HashMap::<Token, WebSocket<Server>>::new(), 2);
    while !ending || !connections.is_empty() {
        // A server with many connections would sort their deadlines, and list those that can make progress.
        let deadline = connections.values_mut().filter_map(|ws| ws.endpoint().deadline()).min();
        let patience = match connections.values_mut().any(WebSocket::can_go_on) {
            true => Some(Duration::ZERO),
            false => deadline.map(|at| at.saturating_sub(start.elapsed())),
        };
        match poll.poll(&mut events, patience) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            if let Some(ws) = connections.get_mut(&event.token()) {
                ws.ready(event);
            }
        }
        let now = start.elapsed();
        if interrupted.0.load(Ordering::Acquire) && !mem::replace(&mut ending, true) {
            poll.registry().deregister(&mut listener)?;
            let goodbye = CloseFrame::new(CloseCode::GOING_AWAY, "")?;
            for ws in connections.values_mut() {
                // It fails only if the connection is closed already.
                let _ = ws.endpoint().close(Some(&goodbye), now);
            }
        }
        while !ending && let Ok((stream, _)) = listener.accept() {
            let mut ws = WebSocket::server(stream, config.clone(), now);
            ws.register(poll.registry(), Token(next), BOTH)?;
            connections.insert(Token(next), ws);
            next += 1;
        }
        connections.retain(|_, ws| {
            ws.lend(&mut outbox);
            turn(ws, now, &mut buffer);
            outbox = ws.endpoint().reclaim().or(outbox.take());
            !ws.is_finished()
        });
    }
    Ok(())
}

/// Enables keep-alive, so that the server detects peers that have gone.
fn config() -> Config {
    let half_a_minute = Duration::from_secs(30);
    Config::new().keep_alive(Some(KeepAlive::new(half_a_minute, half_a_minute)))
}

/// Reads once, handles all events and timeouts, and writes. A peer that never stops sending thus delays
/// neither other connections nor its own deadline.
fn turn(ws: &mut WebSocket<Server>, now: Duration, buffer: &mut [u8]) {
    let read = if ws.can_read() { ws.read(buffer, now) } else { Ok(&mut [][..]) };
    let mut input = read.unwrap_or_else(|error| {
        eprintln!("{error}");
        &mut []
    });
    react(ws.endpoint(), now, &mut input);
    ws.endpoint().handle_timeout(now);
    // Writing may make room for more events, or complete the closing handshake.
    for _ in 0..2 {
        react(ws.endpoint(), now, &mut &mut [][..]);
        ws.write(now);
    }
    react(ws.endpoint(), now, &mut &mut [][..]);
}

/// The application.
fn react(ws: &mut Endpoint<Server>, now: Duration, input: &mut &mut [u8]) {
    while let Some(event) = ws.next_event(now, input) {
        let result = match event {
            SessionEvent::Upgrade => ws.accept(&Accept::new(), now).map_err(|e| e.to_string()),
            SessionEvent::Received(Event::Text(text)) => {
                ws.send_text(text).map_err(|error| error.to_string())
            }
            SessionEvent::Received(Event::Binary(bytes)) => {
                ws.send_binary(bytes).map_err(|error| error.to_string())
            }
            SessionEvent::Error(error) => Err(error.to_string()),
            _ => Ok(()),
        };
        if let Err(error) = result {
            eprintln!("{error}");
        }
    }
}
