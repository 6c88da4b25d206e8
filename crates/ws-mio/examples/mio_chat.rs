//! The chat of `ws-std` on an event loop: the same page and the same handlers, in one thread.
//!
//! ```text
//! cargo run --release -p ws-mio --example mio_chat [-- 127.0.0.1:8080]
//! ```
//!
//! The handlers are in `ws_demo::chat`.

use std::process::ExitCode;

use ws_demo::{Arguments, Failure, cannot_listen, chat, on_ctrl_c};
use ws_mio::{ServerOptions, WebSocketServer};

const USAGE: &str = "\
usage: mio_chat [ADDRESS]

Serves a chat and its web page at ADDRESS (default 127.0.0.1:8080), in one thread.
Ctrl-C closes all connections with 1001.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let address = arguments.word_if_any("ADDRESS")?.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    arguments.end()?;

    let options = ServerOptions::from(chat::config());
    // Rooms have no secrets that a compressed message could betray.
    #[cfg(feature = "deflate")]
    let options = options.deflate(wsproto::Deflate::new());
    let server = WebSocketServer::bind(&address, options).map_err(cannot_listen(&address))?;
    let address = server.local_addr()?;

    let running = server.spawn(chat::Chat::default())?;
    let server = running.handle().clone();
    on_ctrl_c(move || server.terminate(None))?;
    println!("chat: open http://{address}/ in two browser windows");
    running.join();
    Ok(())
}
