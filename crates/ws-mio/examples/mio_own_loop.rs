//! Connections in a loop of one's own: an echo server on `mio`, with its own tokens, its own buffers and
//! its own clock. What `WebSocket` does here is only to know a stream and what it did not take.
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
use ws_mio::wsproto::{CloseCode, CloseFrame, Config, Event, Server, Session, SessionEvent};

const USAGE: &str = "\
usage: mio_own_loop [ADDRESS]

Sends every message back, at ADDRESS (default 127.0.0.1:9002; port 0 is any that is free).
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

    // Both sides hold the waker: one that is dropped takes back what it has not delivered.
    let interrupt = Arc::new((AtomicBool::new(false), Waker::new(poll.registry(), WAKER)?));
    let interrupted = Arc::clone(&interrupt);
    on_ctrl_c(move || {
        interrupt.0.store(true, Ordering::Release);
        // If it fails, the loop looks at its next turn.
        let _ = interrupt.1.wake();
    })?;
    println!("listening on {}", listener.local_addr()?);
    let mut ending = false;

    let (start, config) = (Instant::now(), Arc::new(Config::default()));
    let (mut buffer, mut out) = (vec![0; 64 << 10], Vec::new());
    let (mut connections, mut next) = (HashMap::<Token, WebSocket<Server>>::new(), 2);
    while !ending || !connections.is_empty() {
        let now = start.elapsed();
        // A server with many connections would keep their deadlines in order.
        let deadline = connections.values_mut().filter_map(|ws| ws.session().deadline()).min();
        let busy = connections.values().any(WebSocket::can_read);
        let patience =
            if busy { Some(Duration::ZERO) } else { deadline.map(|at| at.saturating_sub(now)) };
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
                ws.session().close(Some(&goodbye), now, &mut out)?;
                ws.write(&mut out);
            }
        }
        while !ending && let Ok((stream, _)) = listener.accept() {
            let mut ws = WebSocket::server(stream, config.clone(), now);
            ws.register(poll.registry(), Token(next), BOTH)?;
            connections.insert(Token(next), ws);
            next += 1;
        }
        connections.retain(|_, ws| {
            let mut input =
                if ws.can_read() { ws.read(&mut buffer).unwrap_or_default() } else { &mut [] };
            react(ws.session(), now, &mut input, &mut out);
            ws.session().handle_timeout(now, &mut out);
            react(ws.session(), now, &mut &mut [][..], &mut out);
            ws.write(&mut out);
            !ws.is_finished()
        });
    }
    Ok(())
}

/// The application.
fn react(session: &mut Session<Server>, now: Duration, input: &mut &mut [u8], out: &mut Vec<u8>) {
    while let Some(event) = session.next_event(now, input, out) {
        let result = match event {
            SessionEvent::Upgrade => {
                session.accept(&Accept::new(), now, out).map_err(|e| e.to_string())
            }
            SessionEvent::Received(Event::Text(text)) => {
                session.sender().and_then(|to| to.send_text(&text, out)).map_err(|e| e.to_string())
            }
            SessionEvent::Received(Event::Binary(bytes)) => session
                .sender()
                .and_then(|to| to.send_binary(&bytes, out))
                .map_err(|e| e.to_string()),
            SessionEvent::Error(error) => Err(error.to_string()),
            _ => Ok(()),
        };
        if let Err(error) = result {
            eprintln!("{error}");
        }
    }
}
