//! `ws-tokio`, with handlers, and with a task of the application's for each connection.

use std::io;

use ws_tokio::{
    Decision, Error, Incoming, Listener, ServerOptions, WebSocketServer, serve_per_core,
};

use super::handlers::Echo;
use super::{Start, announce};
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

/// Runs on this thread, or with a runtime for each of several threads.
fn run(start: Start, options: ServerOptions) -> io::Result<()> {
    let decide = |_: &_, _: &_| Decision::accept(Echo);
    if start.threads == 1 {
        let server = WebSocketServer::from_listener(start.listen()?, options);
        return start.runtime()?.block_on(server.run(decide));
    }
    let running = serve_per_core(start.address, start.threads, options, decide)?;
    announce(running.handle().local_addr().unwrap_or(start.address))?;
    running.join();
    Ok(())
}

pub(super) fn serve_async(start: Start) -> io::Result<()> {
    let (options, socket) = (start.options()?, start.listen()?);
    start.runtime()?.block_on(async {
        let mut listener = Listener::from_listener(socket, options)?;
        while let Some(incoming) = listener.accept().await? {
            tokio::spawn(echo_all(incoming));
        }
        Ok(())
    })
}

async fn echo_all(incoming: Incoming) -> Result<(), Error> {
    let mut ws = incoming.accept().await?;
    while let Some(message) = ws.recv().await? {
        ws.send(message).await?;
    }
    Ok(())
}
