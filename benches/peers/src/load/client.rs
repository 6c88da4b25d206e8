//! A client that knows beforehand, byte for byte, its output and its input.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use benches::workload::{Kind, Workload};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use wsproto::frame::{Header, Opcode};

/// From how many addresses a host is called: each has some 28 000 ports.
const SOURCES: u8 = 16;

const ACCEPTED: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// An open connection.
#[derive(Debug)]
pub struct Client<S = TcpStream> {
    /// Public so that callers can wait for it.
    pub stream: S,
}

impl Client {
    /// Connects and shakes hands.
    ///
    /// # Errors
    ///
    /// If the server does not want to.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::over(dial(address)?, address)
    }
}

impl<S: Read + Write> Client<S> {
    /// Shakes hands over a stream.
    ///
    /// # Errors
    ///
    /// If the server does not want to.
    pub fn over(mut stream: S, address: SocketAddr) -> io::Result<Self> {
        stream.write_all(request(address).as_bytes())?;
        let mut response = Vec::new();
        while !response.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            response.extend(byte);
        }
        if !is_accepted(&response) {
            let response = String::from_utf8_lossy(&response);
            return Err(io::Error::other(format!("the server answers {response}")));
        }
        Ok(Self { stream })
    }

    /// Sends a message of `size` bytes and compares the echo.
    ///
    /// # Errors
    ///
    /// If that is not the same message in one frame.
    pub fn check(&mut self, size: usize) -> io::Result<()> {
        let message = message(size);
        self.stream.write_all(&message.wire)?;
        self.compare(&message)
    }

    /// Sends the header and the first half of a message of `size` bytes.
    ///
    /// # Errors
    ///
    /// If the server does not take it.
    pub fn begin(&mut self, size: usize) -> io::Result<()> {
        let message = message(size);
        self.stream.write_all(&message.wire[..half(&message)])
    }

    /// Sends the other half, and compares the echo.
    ///
    /// # Errors
    ///
    /// If that is not the same message in one frame.
    pub fn finish(&mut self, size: usize) -> io::Result<()> {
        let message = message(size);
        self.stream.write_all(&message.wire[half(&message)..])?;
        self.compare(&message)
    }

    fn compare(&mut self, message: &Workload) -> io::Result<()> {
        let expected = reply(&message.payload);
        let mut reply = vec![0; expected.len()];
        self.stream.read_exact(&mut reply)?;
        if reply != expected {
            return Err(io::Error::other("the server does not echo"));
        }
        Ok(())
    }
}

/// A request for an upgrade.
pub(super) fn request(address: SocketAddr) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// Returns whether this response accepts [`request`].
pub(super) fn is_accepted(response: &[u8]) -> bool {
    let response = String::from_utf8_lossy(response);
    response.starts_with("HTTP/1.1 101 ") && response.contains(ACCEPTED)
}

fn message(size: usize) -> Workload {
    Workload::repeated(Kind::Binary, size, size, 1)
}

/// How much of the frame is its header and half of its payload.
fn half(message: &Workload) -> usize {
    message.wire.len() - message.payload.len().div_ceil(2)
}

/// The frame with which a server echoes a binary message.
#[must_use]
pub(super) fn reply(payload: &[u8]) -> Vec<u8> {
    let len = payload.len() as u64;
    let mut frame = Vec::new();
    Header { fin: true, rsv: 0, opcode: Opcode::Binary, mask: None, len }.encode(&mut frame);
    frame.extend_from_slice(payload);
    frame
}

/// Connects, and shakes no hands.
pub(super) fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = connect_from_anywhere(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn connect_from_anywhere(to: SocketAddr) -> io::Result<TcpStream> {
    for last in 1..=SOURCES {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        if last > 1 {
            bind(&socket, &SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)))?;
        }
        match connect(&socket, &to) {
            Err(Errno::ADDRNOTAVAIL) => {}
            result => return Ok(result.map(|()| TcpStream::from(socket))?),
        }
    }
    Err(Errno::ADDRNOTAVAIL.into())
}
