//! `ws-std`, with handlers and a thread for each connection.

use std::io;

use ws_std::{Decision, ServerOptions, WebSocketServer};

use super::Start;
use super::handlers::Echo;
#[cfg(feature = "deflate")]
use wsproto::Deflate;

pub(super) fn serve(start: Start) -> io::Result<()> {
    let options = start.options()?;
    run(start, options)
}

#[cfg(feature = "deflate")]
pub(super) fn serve_compressing(start: Start, deflate: Deflate) -> io::Result<()> {
    let options = start.options()?.deflate(deflate);
    run(start, options)
}

fn run(start: Start, options: ServerOptions) -> io::Result<()> {
    // The default suits the threads that a process may have, not a benchmark.
    let options = options.max_connections(usize::MAX);
    let server = WebSocketServer::from_listener(start.listen()?, options);
    server.run(|_: &_, _: &_| Decision::accept(Echo))
}
