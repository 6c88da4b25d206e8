//! Helpers for tests of loops: a peer by hand, handlers that note their calls, and waiting.
#![allow(dead_code, reason = "no test binary needs all of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ws_mio::wsproto::handshake::ClientRequest;
use ws_mio::wsproto::url::WsUrl;
use ws_mio::wsproto::{CloseInfo, ReadyState};
use ws_mio::{ConnectionHandler, Error, Message, WebSocketConnection};

pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// The longest that anything may take before it counts as hanging.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Opens a connection by hand; what follows the head of the answer is still to be read.
pub(crate) fn open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(LONG)).expect("not zero");
    stream.write_all(REQUEST).expect("written");
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    stream
}

/// Reads the head of a request or an answer, and nothing behind it.
pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

/// A client's frame with a payload, unmasked by its key of zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Reads a server's frame: its first byte, and the payload.
pub(crate) fn read_frame(stream: &mut impl Read) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("a frame");
    let len = match head[1] {
        126 => {
            let mut len = [0; 2];
            stream.read_exact(&mut len).expect("a length");
            u64::from(u16::from_be_bytes(len))
        }
        127 => {
            let mut len = [0; 8];
            stream.read_exact(&mut len).expect("a length");
            u64::from_be_bytes(len)
        }
        len => u64::from(len),
    };
    let mut payload = vec![0; len as usize];
    stream.read_exact(&mut payload).expect("a payload");
    (head[0], payload)
}

pub(crate) fn request(url: &str) -> ClientRequest {
    ClientRequest::new(WsUrl::parse(url).expect("a URL"))
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The calls, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Log {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0.0.lock().expect("no panic").push(line.into());
        self.0.1.notify_all();
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.0.lock().expect("no panic").clone()
    }

    /// Waits until a line begins like this.
    pub(crate) fn wait(&self, start: &str) {
        let (until, mut lines) = (Instant::now() + LONG, self.0.0.lock().expect("no panic"));
        while !lines.iter().any(|line| line.starts_with(start)) {
            let patience = until.saturating_duration_since(Instant::now());
            assert!(!patience.is_zero(), "no {start:?} after {lines:?}");
            lines = self.0.1.wait_timeout(lines, patience).expect("no panic").0;
        }
    }
}

/// Notes its calls.
pub(crate) struct Recorder(pub(crate) Log);

impl ConnectionHandler for Recorder {
    fn on_open(&mut self, _: &WebSocketConnection) {
        self.0.note("open");
    }

    fn on_message(&mut self, _: &WebSocketConnection, message: Message) {
        let Message::Text(text) = message else { return self.0.note("binary") };
        self.0.note(format!("message {text}"));
    }

    fn on_drained(&mut self, _: &WebSocketConnection) {
        self.0.note("drained");
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        self.0.note(format!("error {error}"));
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        assert_eq!(ws.ready_state(), ReadyState::Closed);
        self.0.note(format!("terminate {}", u16::from(info.code)));
    }
}
