//! The engine alone, in a loop of its own that blocks, with a thread for each connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use wsproto::handshake::Accept;
use wsproto::{Advice, Config, Endpoint, Event, SessionEvent};

fn main() -> size::Outcome {
    for stream in size::listen()?.incoming() {
        let stream = stream?;
        thread::spawn(|| converse(stream));
    }
    Ok(())
}

fn converse(mut stream: TcpStream) -> std::io::Result<()> {
    let start = Instant::now();
    let mut ws = Endpoint::server(Config::new(), start.elapsed());
    let mut buffer = vec![0; 16 << 10];
    while ws.advice() != Advice::Drop {
        let read = stream.read(&mut buffer)?;
        let now = start.elapsed();
        if read == 0 {
            ws.end_of_input(now);
        }
        let mut input = &mut buffer[..read];
        while let Some(event) = ws.next_event(now, &mut input) {
            // Fails if the client is gone.
            let _ = match event {
                SessionEvent::Upgrade => ws.accept(&Accept::new(), now).map_err(drop),
                SessionEvent::Received(Event::Text(text)) => {
                    ws.send_text(text).map(drop).map_err(drop)
                }
                SessionEvent::Received(Event::Binary(bytes)) => {
                    ws.send_binary(bytes).map(drop).map_err(drop)
                }
                _ => Ok(()),
            };
        }
        while ws.unwritten() > 0 {
            let written = stream.write(ws.pending())?;
            ws.wrote(written, start.elapsed());
        }
    }
    Ok(())
}
