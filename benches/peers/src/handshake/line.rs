//! A transport in memory that brings a request, or the answer to one.

use std::io::{self, IoSlice, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use wsproto::handshake::accept_key;

use crate::transport::{Source, transport};

/// The request of a browser.
pub const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/130.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: http://server.example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/// The nonce of the key of [`REQUEST`].
pub(super) const NONCE: [u8; 16] = *b"the sample nonce";

const BEFORE_PROOF: &[u8; 97] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: ";
const PROOF: usize = 28;
const ANSWER: usize = BEFORE_PROOF.len() + PROOF + 4;

/// How a request is answered with status 101.
pub type Answer = fn(&[u8]) -> Option<[u8; ANSWER]>;

/// Answers a request; `None` if it has no key.
#[must_use]
pub fn answer(request: &[u8]) -> Option<[u8; ANSWER]> {
    let mut answer = [0; ANSWER];
    let (before, rest) = answer.split_at_mut(BEFORE_PROOF.len());
    let (proof, after) = rest.split_at_mut(PROOF);
    before.copy_from_slice(BEFORE_PROOF);
    proof.copy_from_slice(accept_key(key(request)?).as_bytes());
    after.copy_from_slice(b"\r\n\r\n");
    Some(answer)
}

/// The key in a request.
fn key(request: &[u8]) -> Option<&str> {
    let mut lines = request.split(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let (name, value) = line.split_at_checked(b"Sec-WebSocket-Key:".len())?;
        let named = name.eq_ignore_ascii_case(b"Sec-WebSocket-Key:");
        named.then(|| str::from_utf8(value).map(str::trim).ok())?
    })
}

/// Keeps the bytes that are written into a [`Line`].
#[derive(Clone, Debug, Default)]
pub struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// The bytes.
    pub fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transport for one handshake.
#[derive(Debug)]
pub struct Line {
    incoming: Incoming,
    /// How many bytes of the input were read.
    read: usize,
    written: Written,
    /// Woken when the response to the unwritten request arrives.
    waiting: Option<Waker>,
}

#[derive(Debug)]
enum Incoming {
    Request,
    Unanswered(Answer),
    Answer([u8; ANSWER]),
}

impl Line {
    /// Brings [`REQUEST`].
    #[must_use]
    pub fn to_server(written: &Written) -> Self {
        Self::new(Incoming::Request, written)
    }

    /// Brings the answer to the request that is written into it.
    #[must_use]
    pub fn to_client(answer: Answer, written: &Written) -> Self {
        Self::new(Incoming::Unanswered(answer), written)
    }

    fn new(incoming: Incoming, written: &Written) -> Self {
        written.bytes().clear();
        Self { incoming, read: 0, written: written.clone(), waiting: None }
    }
}

impl Source for Line {
    fn next(&mut self, most: usize) -> Option<&[u8]> {
        if let Incoming::Unanswered(answer) = &self.incoming {
            let request = self.written.bytes();
            let answer = request.ends_with(b"\r\n\r\n").then(|| answer(&request))??;
            drop(request);
            self.incoming = Incoming::Answer(answer);
        }
        let bytes = match &self.incoming {
            Incoming::Request => REQUEST,
            Incoming::Answer(answer) => answer,
            Incoming::Unanswered(_) => return None,
        };
        let end = bytes.len().min(self.read.saturating_add(most));
        let next = &bytes[mem::replace(&mut self.read, end)..end];
        // The other end stays, and is silent.
        (!next.is_empty()).then_some(next)
    }

    fn wait(&mut self, waker: &Waker) {
        self.waiting = Some(waker.clone());
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut written = self.written.bytes();
        parts.iter().for_each(|part| written.extend_from_slice(part));
        drop(written);
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

transport!(Line);
