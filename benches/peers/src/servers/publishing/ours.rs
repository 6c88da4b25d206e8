//! Our servers, with one handler: it subscribes its connection, and publishes what that receives.

use std::io;

use ws_mio::{ConnectionHandler, Decision, Message, ServerOptions, WebSocketConnection};

use super::super::{Start, announce};

const TOPIC: &str = "news";

pub(super) fn serve_mio(start: Start) -> io::Result<()> {
    let server = ws_mio::WebSocketServer::from_listener(start.listen()?, options());
    server.threads(start.threads).run(|_: &_, _: &_| Decision::accept(Member))
}

pub(super) fn serve_tokio(start: Start) -> io::Result<()> {
    let decide = |_: &_, _: &_| Decision::accept(Member);
    if start.threads == 1 {
        let server = ws_tokio::WebSocketServer::from_listener(start.listen()?, options());
        return start.runtime()?.block_on(server.run(decide));
    }
    let running = ws_tokio::serve_per_core(start.address, start.threads, options(), decide)?;
    announce(running.handle().local_addr().unwrap_or(start.address))?;
    running.join();
    Ok(())
}

pub(super) fn serve_std(start: Start) -> io::Result<()> {
    let server = ws_std::WebSocketServer::from_listener(start.listen()?, options());
    server.run(|_: &_, _: &_| Decision::accept(Member))
}

fn options() -> ServerOptions {
    // The default suits the threads that a process may have, not a benchmark; and other servers send no Pings.
    ServerOptions::new().max_connections(usize::MAX).keep_alive(None)
}

struct Member;

impl ConnectionHandler for Member {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        ws.subscribe(TOPIC).expect("a connection of a server that is open");
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        if let Some(server) = ws.server() {
            // Those that do not read are skipped.
            server.publish(TOPIC, message);
        }
    }
}
