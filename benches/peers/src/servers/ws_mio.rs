//! `ws-mio`, with handlers.

use std::io;

use ws_mio::{Decision, ServerOptions, WebSocketServer};

use super::handlers::Echo;
use super::{LIMIT, Start};
#[cfg(feature = "deflate")]
use wsproto::Deflate;

pub(super) fn serve(start: Start) -> io::Result<()> {
    run(start, options())
}

#[cfg(feature = "deflate")]
pub(super) fn serve_compressing(start: Start, deflate: Deflate) -> io::Result<()> {
    run(start, options().deflate(deflate))
}

fn options() -> ServerOptions {
    ServerOptions::new().max_message_size(LIMIT as u64)
}

fn run(start: Start, options: ServerOptions) -> io::Result<()> {
    let server = WebSocketServer::from_listener(start.listen()?, options);
    server.threads(start.threads).run(|_: &_, _: &_| Decision::accept(Echo))
}
