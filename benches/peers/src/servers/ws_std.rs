//! `ws-std`, with handlers and a thread for each connection.

use std::io;
use std::net::TcpListener;

use ws_std::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};

use super::LIMIT;
#[cfg(feature = "deflate")]
use wsproto::Deflate;

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    WebSocketServer::from_listener(listener, options()).run(|_: &_, _: &_| Decision::accept(echo))
}

#[cfg(feature = "deflate")]
pub(super) fn serve_compressing(listener: TcpListener, deflate: Deflate) -> io::Result<()> {
    let options = options().deflate(deflate);
    WebSocketServer::from_listener(listener, options).run(|_: &_, _: &_| Decision::accept(echo))
}

fn options() -> ServerOptions {
    // The default suits the threads that a process may have, not a benchmark.
    ServerOptions::new().max_message_size(LIMIT as u64).max_connections(usize::MAX)
}

fn echo(ws: &WebSocketConnection, message: Message) {
    // Fails if the client is gone.
    let _ = ws.send(message);
}
