//! Peers in memory, behind streams that may misbehave.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ws_std::wsproto::handshake::{Accept, accept_key};
use ws_std::wsproto::{Advice, Config, Event, Server, Session, SessionEvent};

/// How a stream behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Reads and writes all bytes at once.
    Good,
    /// In turn: fails with `Interrupted`, fails with `WouldBlock`, moves a single byte.
    Faulty,
}

/// A stream to an echo server in the same thread.
#[derive(Debug)]
pub(crate) struct EchoPeer {
    session: Session<Server>,
    manner: Manner,
    calls: usize,
    to_read: VecDeque<u8>,
    out: Vec<u8>,
}

impl EchoPeer {
    pub(crate) fn new(manner: Manner) -> Self {
        let session = Session::server(Config::default(), Duration::ZERO);
        Self { session, manner, calls: 0, to_read: VecDeque::new(), out: Vec::new() }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let (now, mut bytes) = (Duration::ZERO, bytes.to_vec());
        let mut input = &mut bytes[..];
        while let Some(event) = self.session.next_event(now, &mut input, &mut self.out) {
            match event {
                SessionEvent::Upgrade => {
                    self.session.accept(&Accept::new(), now, &mut self.out).expect("an upgrade");
                }
                SessionEvent::Received(Event::Text(text)) => {
                    let sender = self.session.sender().expect("open");
                    sender.send_text(&text, &mut self.out).expect("open");
                }
                SessionEvent::Received(Event::Binary(bytes)) => {
                    let sender = self.session.sender().expect("open");
                    sender.send_binary(&bytes, &mut self.out).expect("open");
                }
                _ => {}
            }
        }
        self.to_read.extend(self.out.drain(..));
    }
}

impl Read for EchoPeer {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = misbehave(self.manner, &mut self.calls)?;
        let ended = self.session.advice() != Advice::KeepOpen;
        if self.to_read.is_empty() && !ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        let most = most.min(to.len());
        self.to_read.read(&mut to[..most])
    }
}

impl Write for EchoPeer {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let most = misbehave(self.manner, &mut self.calls)?.min(from.len());
        self.feed(&from[..most]);
        Ok(most)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes written to a stream; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    fn append(&self, bytes: &[u8]) {
        self.0.lock().expect("no panic").extend(bytes);
    }

    /// Takes all bytes.
    pub(crate) fn taken(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

/// A stream that plays back a peer's bytes, then ends with `end`.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) to_read: VecDeque<u8>,
    pub(crate) written: Output,
    pub(crate) manner: Manner,
    /// The error at the end; `None` is an orderly end.
    pub(crate) end: Option<ErrorKind>,
    calls: usize,
}

impl Recording {
    pub(crate) fn new(bytes: &[u8], manner: Manner, end: Option<ErrorKind>) -> Self {
        Self {
            to_read: bytes.iter().copied().collect(),
            written: Output::default(),
            manner,
            end,
            calls: 0,
        }
    }
}

impl Read for Recording {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = misbehave(self.manner, &mut self.calls)?.min(to.len());
        match self.end {
            Some(end) if self.to_read.is_empty() => Err(end.into()),
            _ => self.to_read.read(&mut to[..most]),
        }
    }
}

impl Write for Recording {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let most = misbehave(self.manner, &mut self.calls)?.min(from.len());
        self.written.append(&from[..most]);
        Ok(most)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A recorded server: it accepts the request, sends `rest`, and ends with `end`. All its bytes are cut off
/// after `cut` of them.
#[derive(Debug)]
pub(crate) struct RecordedServer {
    rest: &'static [u8],
    cut: usize,
    /// Whether the bytes to send are computed; they depend on the request.
    answered: bool,
    stream: Recording,
}

impl RecordedServer {
    pub(crate) fn new(
        rest: &'static [u8],
        cut: usize,
        manner: Manner,
        end: Option<ErrorKind>,
    ) -> Self {
        Self { rest, cut, answered: false, stream: Recording::new(b"", manner, end) }
    }

    pub(crate) fn answer(key: &str) -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: {}\r\n\r\n",
            accept_key(key)
        )
    }
}

impl Read for RecordedServer {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if !self.answered {
            let request = self.stream.written.text();
            let Some((head, _)) = request.split_once("\r\n\r\n") else {
                return Err(ErrorKind::WouldBlock.into());
            };
            let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
            let answer = Self::answer(key.expect("a key"));
            let said = answer.bytes().chain(self.rest.iter().copied());
            self.stream.to_read = said.take(self.cut).collect();
            self.answered = true;
        }
        self.stream.read(to)
    }
}

impl Write for RecordedServer {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.stream.write(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails two of three calls of a faulty stream; returns how many bytes the call may move.
fn misbehave(manner: Manner, calls: &mut usize) -> io::Result<usize> {
    *calls += 1;
    match (manner, *calls % 3) {
        (Manner::Good, _) => Ok(usize::MAX),
        (Manner::Faulty, 1) => Err(ErrorKind::Interrupted.into()),
        (Manner::Faulty, 2) => Err(ErrorKind::WouldBlock.into()),
        (Manner::Faulty, _) => Ok(1),
    }
}
