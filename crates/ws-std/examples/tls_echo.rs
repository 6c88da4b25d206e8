//! Echoes every message over TLS: text as text, binary as binary. A thread for each connection.
//!
//! ```text
//! cargo run --release -p ws-std --example tls_echo -- 127.0.0.1:9443 CERT.pem KEY.pem \
//!     [--max-message BYTES]
//! ```
//!
//! CERT.pem is a certificate, with those that vouch for it behind it, and KEY.pem its private key.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use std::{env, io, thread};

use ws_std::wsproto::Config;
use ws_std::wsproto::handshake::Accept;
use ws_std::{Answer, Error, ServerTls, Stream, accept_with};

const USAGE: &str = "usage: tls_echo ADDRESS CERT.pem KEY.pem [--max-message BYTES]";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ([address, certificate, key], config) = arguments().ok_or(USAGE)?;
    let tls = ServerTls::from_pem_files(certificate, key)?;
    let config = Arc::new(config);
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    io::stdout().flush()?;

    for stream in listener.incoming() {
        let (tls, config) = (tls.clone(), Arc::clone(&config));
        let echo = move |stream| {
            if let Err(error) = echo(stream, &tls, config) {
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

fn echo(stream: TcpStream, tls: &ServerTls, config: Arc<Config>) -> Result<(), Error> {
    let answer = |_: &_| Answer::Accept(Accept::new());
    // Nothing is read before `accept_with`: who is slow with TLS keeps only this thread waiting.
    let stream = Stream::accept_tls(tls, stream)?;
    let Some(mut ws) = accept_with(stream, config, answer)? else { return Ok(()) };
    while let Some(message) = ws.recv()? {
        ws.send(message)?;
    }
    Ok(())
}

fn arguments() -> Option<([String; 3], Config)> {
    let mut words = Vec::new();
    let mut config = Config::default();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--max-message" => config.max_message_size = arguments.next()?.parse().ok()?,
            _ if argument.starts_with("--") => return None,
            _ => words.push(argument),
        }
    }
    Some((words.try_into().ok()?, config))
}
