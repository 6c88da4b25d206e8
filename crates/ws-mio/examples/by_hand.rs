//! The engine by hand: an echo server on `mio` and `wsproto`, with nothing of `ws-mio`. `mio_own_loop` is the
//! same with its pieces.
//!
//! ```text
//! cargo run --release -p ws-mio --example by_hand [-- 127.0.0.1:9002]
//! ```

use std::collections::{HashMap, HashSet};
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
use wsproto::{Advice, CloseCode, CloseFrame, Config, Event, Server, Session, SessionEvent};

const USAGE: &str = "\
usage: by_hand [ADDRESS]

Sends every message back, at ADDRESS (default 127.0.0.1:9002; port 0 is any that is free).
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

    let (start, mut buffer) = (Instant::now(), vec![0; 64 << 10]);
    let (mut connections, mut last) = (HashMap::<Token, Connection>::new(), WAKER);
    while !ending || !connections.is_empty() {
        let deadline = connections.values().filter_map(|ws| ws.session.deadline()).min();
        let patience = deadline.map(|at| at.saturating_sub(start.elapsed()));
        match poll.poll(&mut events, patience) {
            Err(error) if error.kind() != Interrupted => return Err(error.into()),
            _ => {}
        }
        let now = start.elapsed();
        let ends = interrupted.0.load(Ordering::Acquire) && !mem::replace(&mut ending, true);
        if ends {
            poll.registry().deregister(&mut listener)?;
            let goodbye = CloseFrame::new(CloseCode::GOING_AWAY, "")?;
            for ws in connections.values_mut() {
                ws.session.close(Some(&goodbye), now, &mut ws.out)?;
            }
        }
        while !ending && let Ok((mut tcp, _)) = listener.accept() {
            last.0 += 1;
            poll.registry().register(&mut tcp, last, Interest::READABLE | Interest::WRITABLE)?;
            let session = Session::server(Config::default(), now);
            connections.insert(last, Connection { tcp, session, out: Vec::new() });
        }
        let ready: HashSet<_> = events.iter().map(mio::event::Event::token).collect();
        connections.retain(|token, ws| {
            let is_due = ws.session.deadline().is_some_and(|at| at <= now);
            !(is_due || ends || ready.contains(token)) || ws.turn(now, &mut buffer) != Advice::Drop
        });
    }
    Ok(())
}

struct Connection {
    tcp: TcpStream,
    session: Session<Server>,
    /// What the stream did not take yet.
    out: Vec<u8>,
}

impl Connection {
    /// Goes on until the stream has no more, or takes no more: what is unsent leaves before anything
    /// else is read. Where several are always busy, a turn would have to end earlier.
    fn turn(&mut self, now: Duration, buffer: &mut [u8]) -> Advice {
        let Self { tcp, session, out } = self;
        let mut read = 0;
        loop {
            let mut input = &mut buffer[..mem::take(&mut read)];
            while let Some(event) = session.next_event(now, &mut input, out) {
                // The application. What it cannot send is for a peer that has gone.
                let _ = match event {
                    SessionEvent::Upgrade => session.accept(&Accept::new(), now, out).is_ok(),
                    SessionEvent::Received(Event::Text(text)) => {
                        session.sender().is_ok_and(|to| to.send_text(&text, out).is_ok())
                    }
                    SessionEvent::Received(Event::Binary(bytes)) => {
                        session.sender().is_ok_and(|to| to.send_binary(&bytes, out).is_ok())
                    }
                    _ => true,
                };
            }
            while !out.is_empty() {
                match tcp.write(out) {
                    Ok(written) => drop(out.drain(..written)),
                    Err(error) if error.kind() == WouldBlock => {
                        session.handle_timeout(now, out);
                        return session.advice();
                    }
                    // What the peer wrote before it went away can still be read.
                    Err(_) => out.clear(),
                }
            }
            match session.advice() {
                Advice::KeepOpen | Advice::AwaitEnd => {}
                // If it fails, the peer is gone, and reading says so.
                Advice::Shutdown => drop(tcp.shutdown(Shutdown::Write)),
                Advice::Drop => return Advice::Drop,
            }
            match tcp.read(buffer) {
                Ok(bytes @ 1..) => read = bytes,
                Err(error) if error.kind() == WouldBlock => {
                    // What the deadline waits for has not come.
                    if session.deadline().is_none_or(|at| now < at) {
                        return session.advice();
                    }
                    session.handle_timeout(now, out);
                }
                Ok(_) | Err(_) => session.end_of_input(out),
            }
        }
    }
}
