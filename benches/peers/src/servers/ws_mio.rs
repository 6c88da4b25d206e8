//! `ws-mio`, with handlers.

use std::io;

use ws_mio::{Decision, ServerOptions, WebSocketServer};

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
    let server = WebSocketServer::from_listener(start.listen()?, options);
    server.threads(start.threads).run(|_: &_, _: &_| Decision::accept(Echo))
}
