//! A chat server: open the printed address in two browser windows.
//!
//! ```text
//! cargo run --release -p ws-std --example chat [-- 127.0.0.1:8080]
//! ```
//!
//! One port serves the page over HTTP and the chat over WebSocket. Each line goes to all members of the
//! room. The handlers are in `ws_demo::chat`, because `mio_chat` runs the same ones on an event loop.

use std::process::ExitCode;

use ws_demo::{Arguments, Failure, cannot_listen, chat, on_ctrl_c};
use ws_std::{ServerOptions, WebSocketServer};

const USAGE: &str = "\
usage: chat [ADDRESS]

Serves a chat and its web page at ADDRESS (default 127.0.0.1:8080), one thread per connection.
Ctrl-C closes all connections with 1001.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let address = arguments.word_if_any("ADDRESS")?.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    arguments.end()?;

    let options = ServerOptions::new().config(chat::config());
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
