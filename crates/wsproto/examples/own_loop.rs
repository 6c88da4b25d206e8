//! The engine in a custom event loop: an echo server on plain `std::net`, with deadlines, back
//! pressure and an orderly end. An adapter needs no more than this.
//!
//! ```text
//! cargo run --release -p wsproto --example own_loop [-- 127.0.0.1:9001]
//! ```
//!
//! It needs only the standard library, which has no support for Ctrl-C: that ends the program
//! without a closing handshake. The examples of the adapters close with 1001 first.

use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, io, thread};

use wsproto::handshake::Accept;
use wsproto::{Advice, Config, Endpoint, Event, KeepAlive, Server, SessionEvent};

const USAGE: &str = "usage: own_loop [ADDRESS]

Echoes every message, at ADDRESS (default 127.0.0.1:9001; port 0 selects a free port).";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let address = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [] => "127.0.0.1:9001",
        [address] if !address.starts_with('-') => address,
        _ => {
            eprintln!("own_loop: unexpected arguments {arguments:?}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Err(error) = serve(address);
    eprintln!("own_loop: cannot serve at {address}: {error}");
    if error.kind() == ErrorKind::AddrInUse {
        eprintln!("End the program that listens there, or choose another port.");
    }
    ExitCode::FAILURE
}

fn serve(address: &str) -> io::Result<Infallible> {
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        thread::spawn(move || carry(stream));
    }
}

fn carry(mut stream: TcpStream) -> io::Result<()> {
    let start = Instant::now();
    let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(30));
    let config = Config::new().keep_alive(Some(keep_alive));
    let mut ws = Endpoint::server(config, start.elapsed());
    let mut buffer = vec![0; 16 << 10];
    let (mut read, mut half_closed) = (0, false);
    loop {
        // 1. Process the bytes read, event by event. Events borrow the buffer, not the endpoint.
        let mut input = &mut buffer[..read];
        while let Some(event) = ws.next_event(start.elapsed(), &mut input) {
            react(&mut ws, event, start.elapsed());
        }
        read = 0;
        // 2. Follow the engine's advice on the transport.
        match ws.advice() {
            Advice::Drop => return Ok(()),
            Advice::Shutdown if ws.unwritten() == 0 && !half_closed => {
                half_closed = true;
                // If the peer has gone, the next read fails or returns 0.
                let _ = stream.shutdown(Shutdown::Write);
            }
            _ => {}
        }
        // 3. Write if there is output, otherwise read; never wait beyond the deadline. This thread
        //    does not read while it waits for the peer to read: only a server may do that.
        let patience = ws.deadline().map(|at| at.saturating_sub(start.elapsed()));
        let patience = patience.map(|patience| patience.max(Duration::from_millis(1)));
        if ws.unwritten() > 0 {
            stream.set_write_timeout(patience)?;
            match stream.write(ws.pending()) {
                Ok(len) => ws.wrote(len, start.elapsed()),
                Err(error) if has_waited(&error) => ws.write_blocked(),
                Err(_) => ws.write_failed(),
            }
        } else {
            stream.set_read_timeout(patience)?;
            match stream.read(&mut buffer) {
                Ok(len @ 1..) => read = len,
                Err(error) if has_waited(&error) => {}
                Ok(_) | Err(_) => ws.end_of_input(start.elapsed()),
            }
        }
        // 4. Perform the action that is due, if any, even if the peer never stops sending.
        ws.handle_timeout(start.elapsed());
    }
}

/// Returns whether a call has only timed out or was interrupted.
fn has_waited(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// The application.
fn react(ws: &mut Endpoint<Server>, event: SessionEvent<Event<'_>>, now: Duration) {
    let result = match event {
        SessionEvent::Upgrade => ws.accept(&Accept::new(), now).map_err(|e| e.to_string()),
        SessionEvent::Received(Event::Text(text)) => {
            ws.send_text(text).map_err(|error| error.to_string())
        }
        SessionEvent::Received(Event::Binary(bytes)) => {
            ws.send_binary(bytes).map_err(|error| error.to_string())
        }
        SessionEvent::Error(error) => Err(error.to_string()),
        // The engine answers Pings, echoes Closes and refuses undecided requests.
        _ => Ok(()),
    };
    if let Err(error) = result {
        eprintln!("{error}");
    }
}
