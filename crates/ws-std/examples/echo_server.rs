//! Echoes every message: text as text, binary as binary. One thread per connection.
//!
//! ```text
//! cargo run --release -p ws-std --example echo_server -- 127.0.0.1:9001 [--max-message BYTES] \
//!     [--deflate new|frugal|dense]
//! ```

use std::process::ExitCode;

use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_std::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};

const USAGE: &str = "\
usage: echo_server ADDRESS [--max-message BYTES] [--deflate new|frugal|dense]

Echoes every message, at ADDRESS (such as 127.0.0.1:9001; port 0 selects a free port).

  --max-message BYTES  refuse longer messages with 1009 (default: 64 MiB)
  --deflate HOW        compress messages: new, frugal or dense (feature deflate)

Ctrl-C closes all connections with 1001.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let max_message = arguments.option("--max-message")?.unwrap_or(64 << 20);
    let options = ServerOptions::new().max_message_size(max_message);
    #[cfg(feature = "deflate")]
    let options = options.deflate(arguments.option("--deflate")?);
    let address: String = arguments.word("ADDRESS")?;
    arguments.end()?;

    let server = WebSocketServer::bind(&address, options).map_err(cannot_listen(&address))?;
    let address = server.local_addr()?;

    let running = server.spawn(|_: &_, _: &_| Decision::accept(echo))?;
    let server = running.handle().clone();
    on_ctrl_c(move || server.terminate(None))?;
    println!("listening on {address}");
    running.join();
    Ok(())
}

fn echo(ws: &WebSocketConnection, message: Message) {
    // Fails if the client is gone.
    let _ = ws.send(message);
}
