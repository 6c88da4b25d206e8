//! Echoes every message, on one event loop per thread.
//!
//! ```text
//! cargo run --release -p ws-mio --example mio_echo_server -- 127.0.0.1:9002 \
//!     [--threads COUNT] [--max-message BYTES] [--tls CERT.pem KEY.pem] [--deflate new|frugal|dense]
//! ```

use std::process::ExitCode;

use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_mio::{Decision, Message, ServerOptions, ServerTls, WebSocketConnection, WebSocketServer};

const USAGE: &str = "\
usage: mio_echo_server ADDRESS [--threads COUNT] [--max-message BYTES] [--tls CERT.pem KEY.pem]
                       [--deflate new|frugal|dense]

Echoes every message, at ADDRESS (such as 127.0.0.1:9002; port 0 selects a free port).

  --threads COUNT         run COUNT threads with an event loop each (default: 1)
  --max-message BYTES     refuse longer messages with 1009 (default: 64 MiB)
  --deflate HOW           compress messages: new, frugal or dense (feature deflate)
  --tls CERT.pem KEY.pem  serve wss://, with this certificate and its private key

Ctrl-C closes all connections with 1001.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let threads = arguments.option("--threads")?.unwrap_or(1);
    let max_message = arguments.option("--max-message")?.unwrap_or(64 << 20);
    let mut options = ServerOptions::new().max_message_size(max_message);
    #[cfg(feature = "deflate")]
    {
        options = options.deflate(arguments.option("--deflate")?);
    }
    let tls = arguments.values("--tls")?;
    let address: String = arguments.word("ADDRESS")?;
    arguments.end()?;

    if let Some([certificate, key]) = tls {
        options = options.tls(ServerTls::from_pem_files(certificate, key)?);
    }
    let server = WebSocketServer::bind(&address, options).map_err(cannot_listen(&address))?;
    let server = server.threads(threads);
    let address = server.local_addr()?;

    let running = server.spawn(|_: &_, _: &_| Decision::accept(echo))?;
    let server = running.handle().clone();
    on_ctrl_c(move || server.terminate(None))?;
    println!("listening on {address}");
    running.join();
    Ok(())
}

fn echo(ws: &WebSocketConnection, message: Message) {
    // Sending fails only if the connection is closing. There is always room for one reply per message: the
    // server does not read from a client that does not read.
    let _ = ws.send(message);
}
