//! `ws-std`, with handlers and a thread for each connection.

use std::io;
use std::net::TcpListener;

use ws_std::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};

use super::LIMIT;

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    // The default suits the threads that a process may have, not a benchmark.
    let options = ServerOptions::new().max_message_size(LIMIT as u64).max_connections(usize::MAX);
    WebSocketServer::from_listener(listener, options).run(|_: &_, _: &_| Decision::accept(echo))
}

fn echo(ws: &WebSocketConnection, message: Message) {
    // Fails if the client is gone.
    let _ = ws.send(message);
}
