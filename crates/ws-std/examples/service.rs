//! An echo server started by a service manager, which passes the listening socket (`LISTEN_FDS`, systemd's
//! socket activation): the socket outlives the server, so no client is refused while it restarts.

use std::process::ExitCode;

use listenfd::ListenFd;
use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_std::{
    Decision, Message, ServerOptions, ServerSocket, WebSocketConnection, WebSocketServer,
};

const USAGE: &str = "\
usage: service ADDRESS

Echoes every message on the socket that a service manager passes (LISTEN_FDS), of TCP or of a Unix domain; or
without one, at ADDRESS (such as 127.0.0.1:9001; port 0 selects a free port). To try it:

  systemd-socket-activate -l 9001 service 127.0.0.1:9001

SIGTERM and Ctrl-C close all connections with 1001.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let address: String = arguments.word("ADDRESS")?;
    arguments.end()?;

    let options = ServerOptions::new();
    let server = match passed()? {
        Some(listener) => WebSocketServer::from_listener(listener, options),
        None => WebSocketServer::bind(&address, options).map_err(cannot_listen(&address))?,
    };
    match server.local_addr() {
        Ok(address) => println!("listening on {address}"),
        Err(_) => println!("listening on a Unix domain socket"),
    }
    let running = server.spawn(|_: &_, _: &_| {
        Decision::accept(|ws: &WebSocketConnection, message: Message| {
            let _ = ws.send(message); // fails if the peer is gone
        })
    })?;
    let server = running.handle().clone();
    on_ctrl_c(move || server.terminate(None))?;
    running.join();
    Ok(())
}

/// Returns the first socket that the service manager has passed, if there is one.
fn passed() -> std::io::Result<Option<ServerSocket>> {
    let mut passed = ListenFd::from_env();
    if let Ok(Some(listener)) = passed.take_tcp_listener(0) {
        return Ok(Some(listener.into()));
    }
    #[cfg(unix)]
    if let Some(listener) = passed.take_unix_listener(0)? {
        return Ok(Some(listener.into()));
    }
    Ok(None)
}
