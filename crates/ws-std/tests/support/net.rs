//! Servers and clients on loopback.
#![allow(dead_code, reason = "no test binary needs all of them")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use ws_std::wsproto::Config;
use ws_std::wsproto::handshake::{Accept, Request};
use ws_std::{Answer, Error, accept_with};

pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

pub(crate) fn yes(_: &Request) -> Answer {
    Answer::Accept(Accept::new())
}

/// How a server saw a connection end.
pub(crate) type End = Result<(), Error>;

/// Echoes on one connection, in a thread. Returns the address, and how the server saw it end.
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

/// Opens a connection by hand; what follows the head of the answer is still to be read.
pub(crate) fn open_by_hand(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.write_all(REQUEST).expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// Reads to the end; a reset is a failure.
pub(crate) fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an orderly end");
    bytes
}
