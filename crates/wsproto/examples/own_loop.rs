//! The engine in a loop of one's own: a server that echoes on plain `std::net`, with deadlines, back
//! pressure and an orderly end. This is all that an adapter has to do.
//!
//! ```text
//! cargo run --release -p wsproto --example own_loop [-- 127.0.0.1:9001]
//! ```
//!
//! It needs nothing but the standard library, which does not know of Ctrl-C: that ends the program without
//! a goodbye. The examples of the adapters close with 1001 first.

use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, io, thread};

use wsproto::handshake::Accept;
use wsproto::{Advice, Config, Event, Server, Session, SessionEvent};

const USAGE: &str = "usage: own_loop [ADDRESS]

Sends every message back, at ADDRESS (default 127.0.0.1:9001; port 0 is any that is free).";

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
    let mut session = Session::server(Config::default(), Duration::ZERO);
    let (mut buffer, mut out) = (vec![0; 16 << 10], Vec::new());
    let mut half_closed = false;
    let mut read = 0;
    loop {
        // 1. What was read, event by event. Each borrows the buffer, none the session.
        let mut input = &mut buffer[..read];
        while let Some(event) = session.next_event(start.elapsed(), &mut input, &mut out) {
            react(&mut session, event, start.elapsed(), &mut out);
        }
        // 2. What is to be written, all at once. Nothing more is read before it is: that is all the
        //    back pressure there is to write.
        if !half_closed {
            stream.write_all(&out)?;
        }
        out.clear();
        // 3. What the engine says about the transport.
        match session.advice() {
            Advice::KeepOpen | Advice::AwaitEnd => {}
            Advice::Shutdown if half_closed => {}
            Advice::Shutdown => {
                stream.shutdown(Shutdown::Write)?;
                half_closed = true;
            }
            Advice::Drop => return Ok(()),
        }
        // 4. More input, or the deadline.
        let patience = session.deadline().map(|at| at.saturating_sub(start.elapsed()));
        stream.set_read_timeout(patience.map(|patience| patience.max(Duration::from_millis(1))))?;
        read = match stream.read(&mut buffer) {
            Ok(read @ 1..) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                session.handle_timeout(start.elapsed(), &mut out);
                0
            }
            Ok(_) | Err(_) => {
                session.end_of_input(&mut out);
                0
            }
        };
    }
}

/// The application.
fn react(
    session: &mut Session<Server>,
    event: SessionEvent<Event<'_>>,
    now: Duration,
    out: &mut Vec<u8>,
) {
    let result = match event {
        SessionEvent::Upgrade => {
            session.accept(&Accept::new(), now, out).map_err(|e| e.to_string())
        }
        SessionEvent::Received(Event::Text(text)) => {
            let sent = session.sender().and_then(|sender| sender.send_text(&text, out));
            sent.map_err(|error| error.to_string())
        }
        SessionEvent::Received(Event::Binary(bytes)) => {
            let sent = session.sender().and_then(|sender| sender.send_binary(&bytes, out));
            sent.map_err(|error| error.to_string())
        }
        SessionEvent::Error(error) => Err(error.to_string()),
        // Pings are answered, Closes echoed, and requests that are not answered refused.
        _ => Ok(()),
    };
    if let Err(error) = result {
        eprintln!("{error}");
    }
}
