//! `ws-std`, with handlers and a thread for each connection.

use std::io;

use ws_std::{Decision, ServerOptions, WebSocketServer};

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

fn run(start: Start, options: ServerOptions) -> io::Result<()> {
    let server = WebSocketServer::from_listener(start.listen()?, options);
    server.run(|_: &_, _: &_| Decision::accept(Echo))
}

fn options() -> ServerOptions {
    // The default suits the threads that a process may have, not a benchmark.
    ServerOptions::new().max_message_size(LIMIT as u64).max_connections(usize::MAX)
}
