//! The engine's endpoint in a `mio` loop of its own, as in the example `mio_own_loop`.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};
use ws_mio::WebSocket;
use ws_mio::wsproto::handshake::Accept;
use ws_mio::wsproto::{Config, Endpoint, Event, Server, SessionEvent};

use super::{LIMIT, Start};

const LISTENER: Token = Token(0);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

pub(super) fn serve(start: Start) -> io::Result<()> {
    if start.threads != 1 {
        return Err(io::Error::other("it has one thread"));
    }
    let listener = start.listen()?;
    listener.set_nonblocking(true)?;
    let mut listener = mio::net::TcpListener::from_std(listener);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(256));
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;

    let config = Arc::new(Config::new().max_message_size(LIMIT as u64).max_unsent(None));
    let (start, mut buffer, mut outbox) = (Instant::now(), vec![0; 64 << 10], None);
    let (mut connections, mut next) = (HashMap::<Token, WebSocket<Server>>::new(), 1);
    loop {
        let deadline = connections.values_mut().filter_map(|ws| ws.endpoint().deadline()).min();
        let patience = match connections.values_mut().any(WebSocket::can_go_on) {
            true => Some(Duration::ZERO),
            false => deadline.map(|at| at.saturating_sub(start.elapsed())),
        };
        poll.poll(&mut events, patience)?;
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
            ws.lend(&mut outbox);
            let read = if ws.can_read() { ws.read(&mut buffer, now) } else { Ok(&mut [][..]) };
            react(ws.endpoint(), now, &mut read.unwrap_or_default());
            ws.endpoint().handle_timeout(now);
            for _ in 0..2 {
                react(ws.endpoint(), now, &mut &mut [][..]);
                ws.write(now);
            }
            react(ws.endpoint(), now, &mut &mut [][..]);
            outbox = ws.endpoint().reclaim().or(outbox.take());
            !ws.is_finished()
        });
    }
}

fn react(ws: &mut Endpoint<Server>, now: Duration, input: &mut &mut [u8]) {
    while let Some(event) = ws.next_event(now, input) {
        // A connection that cannot be answered ends by itself.
        let _ = match event {
            SessionEvent::Upgrade => ws.accept(&Accept::new(), now).is_ok(),
            SessionEvent::Received(Event::Text(text)) => ws.send_text(text).is_ok(),
            SessionEvent::Received(Event::Binary(bytes)) => ws.send_binary(bytes).is_ok(),
            _ => true,
        };
    }
}
