//! Echoes every message, with one event loop for each thread.
//!
//! ```text
//! cargo run --release -p ws-mio --example echo_server -- 127.0.0.1:9002 \
//!     [--threads COUNT] [--max-message BYTES] [--tls CERT.pem KEY.pem]
//! ```

use std::env;
use std::error::Error;
use std::io::{self, Write};

use ws_mio::wsproto::Config;
use ws_mio::{Accepted, Message, ServerTls, WebSocketConnection, WebSocketServer};

const USAGE: &str = "usage: echo_server ADDRESS [--threads COUNT] [--max-message BYTES] \
    [--tls CERT.pem KEY.pem]";

fn main() -> Result<(), Box<dyn Error>> {
    env_logger::init();
    let mut arguments = env::args().skip(1);
    let address = arguments.next().ok_or(USAGE)?;
    let (mut threads, mut config, mut tls) = (1, Config::default(), None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "--threads" => threads = value()?.parse()?,
            "--max-message" => config.max_message_size = value()?.parse()?,
            "--tls" => tls = Some(ServerTls::from_pem_files(value()?, value()?)?),
            _ => return Err(USAGE.into()),
        }
    }

    let mut server = match threads {
        1 => WebSocketServer::bind(&address)?,
        _ => WebSocketServer::bind_threads(&address, threads)?,
    }
    .config(config);
    if let Some(tls) = tls {
        server = server.tls(tls);
    }
    println!("listening on {}", server.local_addr()?);
    io::stdout().flush()?;
    Ok(server.run(|_: &_, _: &_| Ok(Accepted::new(echo)))?)
}

fn echo(ws: &WebSocketConnection, message: Message) {
    // Whoever has gone meanwhile gets no echo. A peer that does not read is not read from either, so
    // there is always room for one message.
    let _ = ws.send(message);
}
