//! The engine by hand: an echo server on `mio` and `wsproto`, with nothing of `ws-mio`. `own_loop` is the
//! same with its pieces.
//!
//! ```text
//! cargo run --release -p ws-mio --example by_hand -- 127.0.0.1:9002
//! ```

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};
use std::{env, error::Error, net::Shutdown, sync::Arc};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use wsproto::handshake::Accept;
use wsproto::{Config, Event, Server, Session, SessionEvent, Transport};

const LISTENER: Token = Token(0);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9002".into());
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(256));
    let mut listener = TcpListener::bind(address.parse()?)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);

    let (start, config) = (Instant::now(), Arc::new(Config::default()));
    let mut buffer = vec![0; 64 << 10];
    let (mut connections, mut next) = (HashMap::<Token, Connection>::new(), 1);
    loop {
        let deadline = connections.values().filter_map(|ws| ws.session.deadline()).min();
        let patience = deadline.map(|at| at.saturating_sub(start.elapsed()));
        match poll.poll(&mut events, patience) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        let now = start.elapsed();
        while let Ok((mut tcp, _)) = listener.accept() {
            poll.registry().register(&mut tcp, Token(next), BOTH)?;
            let session = Session::server(config.clone(), now);
            connections.insert(Token(next), Connection { tcp, session, out: Vec::new() });
            next += 1;
        }
        for event in &events {
            if let Some(ws) = connections.get_mut(&event.token()) {
                ws.turn(now, &mut buffer);
            }
        }
        connections.retain(|_, ws| {
            if ws.session.deadline().is_some_and(|at| at <= now) {
                ws.turn(now, &mut buffer);
            }
            ws.session.transport() != Transport::Drop
        });
    }
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
    fn turn(&mut self, now: Duration, buffer: &mut [u8]) {
        let Self { tcp, session, out } = self;
        session.handle_timeout(now, out);
        let mut input: &mut [u8] = &mut [];
        loop {
            while let Some(event) = session.next_event(now, &mut input, out) {
                react(session, event, now, out);
            }
            while !out.is_empty() {
                match tcp.write(out) {
                    Ok(written) => drop(out.drain(..written)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                    // What the peer wrote before it went away can still be read.
                    Err(_) => out.clear(),
                }
            }
            match session.transport() {
                Transport::KeepOpen | Transport::AwaitEnd => {}
                // If it fails, the peer is gone, and reading says so.
                Transport::Shutdown => drop(tcp.shutdown(Shutdown::Write)),
                Transport::Drop => return,
            }
            input = match tcp.read(buffer) {
                Ok(read @ 1..) => &mut buffer[..read],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => {
                    session.end_of_input(out);
                    &mut []
                }
            };
        }
    }
}

/// The application. What it cannot send is for a peer that has gone.
fn react(
    session: &mut Session<Server>,
    event: SessionEvent<Event<'_>>,
    now: Duration,
    out: &mut Vec<u8>,
) {
    match event {
        SessionEvent::Upgrade => {
            let _ = session.accept(&Accept::new(), now, out);
        }
        SessionEvent::Received(Event::Text(text)) => {
            let _ = session.sender().and_then(|to| to.send_text(&text, out));
        }
        SessionEvent::Received(Event::Binary(bytes)) => {
            let _ = session.sender().and_then(|to| to.send_binary(&bytes, out));
        }
        SessionEvent::Error(error) => eprintln!("{error}"),
        _ => {}
    }
}
