//! Hand-written peers, their heads and their frames.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use wsproto::handshake::accept_key;

use super::LONG;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Returns the head of an upgrade request with additional fields.
pub(crate) fn upgrade(target: &str, fields: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

/// A hand-written peer: a client, or the server's end of a connection.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(LONG)).expect("not zero");
        stream.set_write_timeout(Some(LONG)).expect("not zero");
        Self(stream)
    }

    pub(crate) fn connect(to: SocketAddr) -> Self {
        Self::new(TcpStream::connect(to).expect("a server"))
    }

    /// Opens a connection.
    pub(crate) fn open(to: SocketAddr) -> Self {
        Self::connect(to).upgraded()
    }

    /// Opens a connection whose socket holds little, in segments as small as those of a network.
    pub(crate) fn open_narrow(to: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(8 << 10).expect("a size");
        #[cfg(unix)]
        socket.set_tcp_mss(1460).expect("a size");
        socket.connect(&to.into()).expect("a server");
        Self::new(socket.into()).upgraded()
    }

    fn upgraded(self) -> Self {
        let mut peer = self;
        peer.send(upgrade("/", ""));
        let head = peer.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        peer
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("a peer that reads");
    }

    /// Reads a whole head.
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// Reads a frame; returns its first byte and its unmasked payload.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        self.try_frame().expect("a frame")
    }

    pub(crate) fn try_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let len = match head[1] & 0x7F {
            126 => {
                let mut len = [0; 2];
                self.0.read_exact(&mut len)?;
                u16::from_be_bytes(len).into()
            }
            127 => {
                let mut len = [0; 8];
                self.0.read_exact(&mut len)?;
                u64::from_be_bytes(len)
            }
            len => len.into(),
        };
        let mut mask = [0; 4];
        if head[1] & 0x80 != 0 {
            self.0.read_exact(&mut mask)?;
        }
        let mut payload = vec![0; usize::try_from(len).expect("it fits")];
        self.0.read_exact(&mut payload)?;
        if mask != [0; 4] {
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        }
        Ok((head[0], payload))
    }

    /// Reads to the end; fails if the other end resets the connection.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).expect("a socket");
    }

    /// Waits until the other end has processed all frames, by an echo. No other answer may be outstanding.
    pub(crate) fn echoes(&mut self) {
        self.send(frame(0x81, b"Hello"));
        assert_eq!(self.frame(), (0x81, b"Hello".to_vec()));
    }
}

/// Returns a client's frame with a masking key of zeros, which leaves the payload unchanged.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len(), 0x80);
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Returns a server's frame.
pub(crate) fn plain_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len(), 0);
    frame.extend(payload);
    frame
}

fn header(first: u8, len: usize, masked: u8) -> Vec<u8> {
    let mut header = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=125), _) => header.push(masked | len),
        (_, Ok(len)) => {
            header.push(masked | 126);
            header.extend(len.to_be_bytes());
        }
        _ => {
            header.push(masked | 127);
            header.extend((len as u64).to_be_bytes());
        }
    }
    header
}

/// A hand-written server for one client; `serve` gets the head of the request.
pub(crate) fn by_hand<T: Send + 'static>(
    serve: impl FnOnce(Peer, String) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let thread = thread::spawn(move || {
        let mut peer = Peer::new(listener.accept().expect("a client").0);
        let head = peer.head();
        serve(peer, head)
    });
    (address, thread)
}

/// Returns the value of a field in a head.
pub(crate) fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Returns the 101 response with additional fields.
pub(crate) fn switching(request: &str, fields: &[u8]) -> Vec<u8> {
    let key = accept_key(field(request, "Sec-WebSocket-Key").expect("a key"));
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {key}\r\n"
    );
    [head.as_bytes(), fields, b"\r\n"].concat()
}
