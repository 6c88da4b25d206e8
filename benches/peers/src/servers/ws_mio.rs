//! `ws-mio`, with handlers.

use std::io;
use std::net::TcpListener;

use ws_mio::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};

use super::LIMIT;
#[cfg(feature = "deflate")]
use wsproto::Deflate;

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    let options = ServerOptions::new().max_message_size(LIMIT as u64);
    WebSocketServer::from_listener(listener, options).run(|_: &_, _: &_| Decision::accept(echo))
}

#[cfg(feature = "deflate")]
pub(super) fn serve_compressing(listener: TcpListener, deflate: Deflate) -> io::Result<()> {
    let options = ServerOptions::new().max_message_size(LIMIT as u64).deflate(deflate);
    WebSocketServer::from_listener(listener, options).run(|_: &_, _: &_| Decision::accept(echo))
}

fn echo(ws: &WebSocketConnection, message: Message) {
    // Fails if the client is gone.
    let _ = ws.send(message);
}
