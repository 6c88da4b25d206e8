//! Echoes every message: text as text, binary as binary. A thread for each connection.
//!
//! ```text
//! cargo run --release -p ws-std --example echo_server -- 127.0.0.1:9001 [--max-message BYTES]
//! ```

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use std::{env, io, thread};

use ws_std::wsproto::Config;
use ws_std::wsproto::handshake::Accept;
use ws_std::{Answer, Error, accept_with};

const USAGE: &str = "usage: echo_server ADDRESS [--max-message BYTES]";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (address, config) = arguments().ok_or(USAGE)?;
    let config = Arc::new(config);
    let listener = TcpListener::bind(&address)?;
    println!("listening on {}", listener.local_addr()?);
    io::stdout().flush()?;

    for stream in listener.incoming() {
        let config = Arc::clone(&config);
        let echo = move |stream| {
            if let Err(error) = echo(stream, config) {
                eprintln!("{error}");
            }
        };
        let started = stream.and_then(|stream| thread::Builder::new().spawn(|| echo(stream)));
        if let Err(error) = started {
            // Out of descriptors or threads: others will finish and give theirs back.
            eprintln!("cannot accept: {error}");
            thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

fn echo(stream: TcpStream, config: Arc<Config>) -> Result<(), Error> {
    let answer = |_: &_| Answer::Accept(Accept::new());
    let Some(mut ws) = accept_with(stream, config, answer)? else { return Ok(()) };
    while let Some(message) = ws.recv()? {
        ws.send(message)?;
    }
    Ok(())
}

fn arguments() -> Option<(String, Config)> {
    let mut address = None;
    let mut config = Config::default();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--max-message" => config.max_message_size = arguments.next()?.parse().ok()?,
            _ if argument.starts_with("--") || address.is_some() => return None,
            _ => address = Some(argument),
        }
    }
    Some((address?, config))
}
