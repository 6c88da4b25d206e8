//! A hand-written client that breaks rules.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use conformance::adapters::{Adapter, Network, RawStream};

pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// The time limit after which a call counts as hanging.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A stream of an adapter's network.
type Stream<A> = <<A as Adapter>::Network as Network>::Stream;

pub(crate) fn connect<S: Adapter>(address: SocketAddr) -> Stream<S> {
    let mut stream = S::Network::connect(address).expect("a server");
    stream.limit_reading(LONG).expect("open");
    stream
}

/// Opens a connection. Bytes after the head of the response are left unread.
pub(crate) fn open<S: Adapter>(address: SocketAddr) -> Stream<S> {
    let mut stream = connect::<S>(address);
    stream.write_all(REQUEST).expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// Reads to the end or a reset.
pub(crate) fn rest(stream: &mut impl Read) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return bytes,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return bytes,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends a request and returns the status of the response.
pub(crate) fn status<S: Adapter>(address: SocketAddr, request: &str) -> u16 {
    let mut stream = connect::<S>(address);
    stream.write_all(request.as_bytes()).expect("written");
    let answer = rest(&mut stream);
    let status = answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    status.expect("a status").parse().expect("a number")
}
