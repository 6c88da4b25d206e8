//! Servers and clients on the loopback interface.
#![allow(dead_code, reason = "no test binary needs all of them")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use ws_std::wsproto::{Config, Server};
use ws_std::{Decision, Error, IncomingRequest, WebSocket, accept_with};

pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

pub(crate) fn yes(_: &IncomingRequest) -> Decision<()> {
    Decision::accept(())
}

/// The end of a connection, as the server saw it.
pub(crate) type End = Result<(), Error>;

/// Echoes on one connection, in a thread. Returns the address, and a thread that returns the end.
pub(crate) fn echo_once(config: Config) -> (String, JoinHandle<End>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let Some(mut ws) = accept_with(stream, config, yes)? else { return Ok(()) };
        while let Some(message) = ws.recv()? {
            ws.send(message)?;
        }
        Ok(())
    });
    (address, server)
}

pub(crate) fn url(address: &str) -> String {
    format!("ws://{address}/")
}

/// Opens a connection by hand. Bytes after the head of the response are left unread.
pub(crate) fn open_by_hand(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.write_all(REQUEST).expect("written");
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    stream
}

/// Reads the head of a request or response, and no byte after it.
pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

/// Answers requests with `answer`, and echoes on accepted connections, one thread each. Returns the address
/// and the requests.
pub(crate) fn site(
    answer: impl Fn(&IncomingRequest) -> Decision<()> + Send + Sync + 'static,
) -> (String, Receiver<IncomingRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let (asked, requests) = mpsc::channel();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (asked, answer) = (asked.clone(), Arc::clone(&answer));
            thread::spawn(move || {
                let note = |request: &IncomingRequest| {
                    // Fails if the test no longer receives.
                    let _ = asked.send(request.clone());
                    answer(request)
                };
                // The client checks the end.
                let _ = accept_with(stream.expect("a client"), Config::default(), note).map(echo);
            });
        }
    });
    (address, requests)
}

fn echo(ws: Option<WebSocket<Server>>) {
    let Some(mut ws) = ws else { return };
    while let Ok(Some(message)) = ws.recv() {
        let _ = ws.send(message);
    }
}

/// Reads to the end; panics at a reset.
pub(crate) fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an orderly end");
    bytes
}
