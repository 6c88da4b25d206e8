//! Hand-written clients that break rules and allocate nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const OFFER: &[u8] = b"Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// The time limit after which a call counts as hanging.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Peer(TcpStream);

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a server");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(LONG)).expect("not zero");
        stream.set_write_timeout(Some(LONG)).expect("not zero");
        Self(stream)
    }

    /// Opens a connection, and waits until the server has finished opening it.
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::open_with(address, REQUEST)
    }

    /// Opens a connection that offers to compress.
    pub(crate) fn open_compressing(address: SocketAddr) -> Self {
        let mut request = [0; REQUEST.len() + OFFER.len()];
        let (front, back) = request.split_at_mut(REQUEST.len() - 2);
        front.copy_from_slice(&REQUEST[..REQUEST.len() - 2]);
        back[..OFFER.len()].copy_from_slice(OFFER);
        back[OFFER.len()..].copy_from_slice(b"\r\n");
        Self::open_with(address, &request)
    }

    fn open_with(address: SocketAddr, request: &[u8]) -> Self {
        let mut peer = Self::connect(address);
        peer.send(request);
        peer.expect(b"HTTP/1.1 101 ");
        let mut last = [0; 4];
        while &last != b"\r\n\r\n" {
            last.rotate_left(1);
            peer.0.read_exact(&mut last[3..]).expect("a head");
        }
        peer.ping();
        peer
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("a server that reads");
    }

    /// Sends the same bytes repeatedly; returns how many were sent in total.
    pub(crate) fn repeat(&mut self, bytes: &[u8], times: usize) -> usize {
        (0..times).for_each(|_| self.send(bytes));
        times * bytes.len()
    }

    /// Sends as `send` does; returns whether the write succeeded.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    pub(crate) fn expect(&mut self, bytes: &[u8]) {
        let mut buffer = [0; 256];
        let buffer = &mut buffer[..bytes.len()];
        self.0.read_exact(buffer).expect("an answer");
        assert_eq!(buffer.escape_ascii().to_string(), bytes.escape_ascii().to_string());
    }

    /// Waits until the server has processed all frames. No other answer may be outstanding.
    pub(crate) fn ping(&mut self) {
        self.send(b"\x89\x84\0\0\0\0done");
        self.expect(b"\x8A\x04done");
    }

    /// Sends a message and reads its echo.
    pub(crate) fn echo(&mut self) {
        self.send(b"\x81\x85\0\0\0\0Hello");
        self.expect(b"\x81\x05Hello");
    }

    pub(crate) fn close(mut self) {
        self.send(b"\x88\x82\0\0\0\0\x03\xE8");
        assert_eq!(self.last(), *b"\x88\x02\x03\xE8");
    }

    /// Reads to the end or a reset; returns the last bytes before it.
    pub(crate) fn last(&mut self) -> [u8; 4] {
        let (mut last, mut buffer) = ([0; 4], [0; 4096]);
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return last,
                Ok(read) => {
                    for byte in &buffer[read.saturating_sub(4)..read] {
                        last.rotate_left(1);
                        last[3] = *byte;
                    }
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return last,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) fn end_output(&self) {
        self.0.shutdown(Shutdown::Write).expect("open");
    }

    /// Shuts down both directions, which also wakes a waiting clone.
    pub(crate) fn vanish(&self) {
        // Fails if the server has reset the connection.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Clone for Peer {
    fn clone(&self) -> Self {
        Self(self.0.try_clone().expect("a descriptor"))
    }
}

/// Returns a client's frame with a masking key of zeros, which leaves the payload unchanged.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len() as u64);
    frame.extend(payload);
    frame
}

/// Returns the header of a client's frame.
pub(crate) fn header(first: u8, len: u64) -> Vec<u8> {
    let mut header = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=125), _) => header.push(0x80 | len),
        (_, Ok(len)) => {
            header.push(0xFE);
            header.extend(len.to_be_bytes());
        }
        _ => {
            header.push(0xFF);
            header.extend(len.to_be_bytes());
        }
    }
    header.extend([0; 4]);
    header
}
