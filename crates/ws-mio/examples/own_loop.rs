//! Connections in a loop of one's own: an echo server on `mio`, with its own tokens, its own buffers and
//! its own clock. What `WebSocket` does here is only to know a stream and what it did not take.
//!
//! ```text
//! cargo run --release -p ws-mio --example own_loop -- 127.0.0.1:9002
//! ```

use std::collections::HashMap;
use std::time::{Duration, Instant};
use std::{env, error::Error, io};

use mio::event::Source;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use ws_mio::WebSocket;
use ws_mio::wsproto::handshake::Accept;
use ws_mio::wsproto::{Config, Event, Server, Session, SessionEvent};

const LISTENER: Token = Token(0);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9002".into());
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(256));
    let mut listener = TcpListener::bind(address.parse()?)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);

    let (start, config) = (Instant::now(), std::sync::Arc::new(Config::default()));
    let (mut buffer, mut out) = (vec![0; 64 << 10], Vec::new());
    let (mut connections, mut next) = (HashMap::<Token, WebSocket<Server>>::new(), 1);
    loop {
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
        while let Ok((stream, _)) = listener.accept() {
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
