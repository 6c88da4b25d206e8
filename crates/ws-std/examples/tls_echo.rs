//! Echoes every message over TLS: text as text, binary as binary. One thread per connection.
//!
//! ```text
//! openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout key.pem -out cert.pem \
//!     -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
//! cargo run --release -p ws-std --example tls_echo -- 127.0.0.1:9443 cert.pem key.pem
//! cargo run --release -p ws-cli -- wss://localhost:9443/ --cacert cert.pem
//! ```

use std::process::ExitCode;

use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_std::{Decision, Message, ServerOptions, ServerTls, WebSocketConnection, WebSocketServer};

const USAGE: &str = "\
usage: tls_echo ADDRESS CERT.pem KEY.pem [--max-message BYTES] [--deflate new|frugal|dense]

Echoes every message over TLS (wss://), at ADDRESS (such as 127.0.0.1:9443). CERT.pem contains the
server's certificate, followed by any intermediate certificates, and KEY.pem its private key.

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
    let certificate: String = arguments.word("CERT.pem")?;
    let key: String = arguments.word("KEY.pem")?;
    arguments.end()?;

    let tls = ServerTls::from_pem_files(certificate, key)?;
    let options = options.tls(tls);
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
