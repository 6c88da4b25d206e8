//! A connection for an event loop of one's own: a session, a stream, and what the stream did not take.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
use wsproto::handshake::ClientRequest;
use wsproto::{Advice, Client, Config, Role, Server, Session};

use crate::Stream;

/// One end of a connection in somebody's own event loop: a client's, unless `R` is [`Server`].
///
/// It is an event [`Source`]: register it for both directions, with any token. The loop owns the
/// buffers, one of each for all connections, and the clock. For every readiness event:
///
/// 1. [`ready`](Self::ready) notes it.
/// 2. [`read`](Self::read) reads once, if it [can](Self::can_read).
/// 3. [`session`](Self::session) takes what was read, event by event, and appends to `out`.
/// 4. [`write`](Self::write) writes it, and keeps what the stream did not take.
///
/// A change is reported once: as long as it [can read](Self::can_read) after that, go on with 2 without
/// another event, but give others their turn before. It cannot while anything is unsent, which is all
/// the back pressure there is to know of. At [`Session::deadline`], call [`Session::handle_timeout`], and
/// then go on with 3. Once [`is_finished`](Self::is_finished), drop it.
///
/// The example `own_loop` is a whole server made this way.
#[derive(Debug)]
pub struct WebSocket<R: Role = Client> {
    session: Session<R>,
    stream: Stream,
    unsent: Option<Box<Unsent>>,
    /// Whether reading may find something.
    readable: bool,
    /// Whether the end is to be read, of which no further event tells.
    ending: bool,
    /// Whether the stream is known not to take more now.
    blocked: bool,
    /// Whether the writing side has ended, in order or not.
    ended: bool,
}

/// What a stream did not take.
#[derive(Debug, Default)]
struct Unsent {
    bytes: Vec<u8>,
    written: usize,
    /// How many bytes could not be written before the end.
    lost: usize,
    /// What was read behind that to which it answers, and has to wait.
    held: Vec<u8>,
}

impl WebSocket<Server> {
    /// Begins on a stream that a client has opened.
    #[must_use]
    pub fn server(
        stream: impl Into<Stream>,
        config: impl Into<Arc<Config>>,
        now: Duration,
    ) -> Self {
        Self::new(stream.into(), Session::server(config, now))
    }
}

impl WebSocket<Client> {
    /// Begins on a stream that is open, or being opened, to a server; appends the request to `out`.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system has no random bytes.
    pub fn client(
        stream: impl Into<Stream>,
        request: ClientRequest,
        config: impl Into<Arc<Config>>,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::from)?;
        Ok(Self::new(stream.into(), Session::client(request, config, seed, now, out)))
    }
}

impl<R: Role> WebSocket<R> {
    fn new(stream: Stream, session: Session<R>) -> Self {
        Self {
            session,
            stream,
            unsent: None,
            readable: true,
            ending: false,
            blocked: false,
            ended: false,
        }
    }

    /// Returns the session, which decides everything.
    pub const fn session(&mut self) -> &mut Session<R> {
        &mut self.session
    }

    /// Returns the session, to look at it.
    pub(crate) const fn session_ref(&self) -> &Session<R> {
        &self.session
    }

    /// Returns the stream.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Notes what an event of its token says.
    pub fn ready(&mut self, event: &Event) {
        self.ending |= event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || self.ending;
        if event.is_writable() || event.is_write_closed() || event.is_error() {
            self.blocked = false;
        }
    }

    /// Whether to read now: there may be something, and nothing is unsent.
    #[must_use]
    pub fn can_read(&self) -> bool {
        self.readable && self.unsent() == 0
    }

    /// Whether reading may find something.
    pub(crate) const fn is_readable(&self) -> bool {
        self.readable
    }

    /// Reads once, at most as much as the buffer takes. Returns what was read, for the session: nothing,
    /// if there is nothing now or the stream has ended, which the session is told.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the transport has failed. The session is told that, too, and ends.
    pub fn read<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<&'b mut [u8]> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.end_of_input();
                    return Ok(&mut []);
                }
                Ok(read) => {
                    // The next event comes with the next byte, unless the end was already told of.
                    let is_all = read < buffer.len() && self.stream.reads_all();
                    self.readable = self.ending || !is_all;
                    return Ok(&mut buffer[..read]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = self.stream.has_more();
                    return Ok(&mut []);
                }
                Err(error) => {
                    self.end_of_input();
                    return Err(error);
                }
            }
        }
    }

    fn end_of_input(&mut self) {
        (self.readable, self.ending) = (false, false);
        // There is nobody left for whom anything could be appended.
        self.session.end_of_input(&mut Vec::new());
    }

    /// Writes what is unsent, and `out`, which is empty afterwards; keeps what the stream does not
    /// take. Once all is written, does what [`Session::advice`] asks for.
    pub fn write(&mut self, out: &mut Vec<u8>) {
        if let Some(unsent) = &mut self.unsent {
            unsent.append(out);
        }
        if !self.blocked && !self.ended {
            let result = match &mut self.unsent {
                Some(unsent) => send(&mut self.stream, &unsent.bytes, &mut unsent.written),
                None => {
                    let mut written = 0;
                    let result = send(&mut self.stream, out, &mut written);
                    self.keep(&[&out[written..]]);
                    result
                }
            };
            self.conclude(result);
        } else if self.unsent.is_none() {
            self.keep(&[out]);
        }
        out.clear();
        self.tidy();
        let done = self.unsent.is_none() && !self.blocked;
        if done && !self.ended && self.session.advice() == Advice::Shutdown {
            self.ended = true;
            // If the peer is gone, reading says so.
            let _ = self.stream.shutdown();
        }
    }

    /// Writes `out` and a payload behind it at once, without a copy of what the stream takes.
    pub(crate) fn write_with(&mut self, out: &mut Vec<u8>, payload: &[u8]) {
        if self.unsent.is_some() || self.blocked || self.ended {
            out.extend_from_slice(payload);
            return self.write(out);
        }
        let mut written = 0;
        let result = send_both(&mut self.stream, out, payload, &mut written);
        let (head, tail) = (written.min(out.len()), written.saturating_sub(out.len()));
        self.keep(&[&out[head..], &payload[tail..]]);
        out.clear();
        self.conclude(result);
    }

    fn keep(&mut self, parts: &[&[u8]]) {
        let bytes = parts.concat();
        if !bytes.is_empty() {
            self.unsent = Some(Box::new(Unsent { bytes, ..Unsent::default() }));
        }
    }

    fn conclude(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.blocked = true,
            Err(_) => {
                // What the peer wrote before it went away can still be read, perhaps a Close.
                self.ended = true;
                self.readable = true;
                self.tidy();
            }
        }
    }

    /// Returns how many bytes wait for the peer to read.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.unsent.as_ref().map_or(0, |unsent| unsent.len())
    }

    /// Returns how many bytes could not be written before the end.
    pub(crate) fn lost(&self) -> usize {
        self.unsent.as_ref().map_or(0, |unsent| unsent.lost)
    }

    /// Drops what is left over, and what goes nowhere any more.
    fn tidy(&mut self) {
        if let (Some(unsent), true) = (&mut self.unsent, self.ended) {
            unsent.lost += unsent.len();
            unsent.bytes.clear();
            unsent.written = 0;
        }
        self.unsent.take_if(|unsent| unsent.is_over());
    }

    /// Keeps what was read, until the peer has taken what is unsent.
    pub(crate) fn hold(&mut self, input: &[u8]) {
        if let (Some(unsent), false) = (&mut self.unsent, input.is_empty()) {
            unsent.held = input.to_vec();
        }
    }

    /// Whether something is kept that was read.
    pub(crate) fn holds(&self) -> bool {
        self.unsent.as_ref().is_some_and(|unsent| !unsent.held.is_empty())
    }

    pub(crate) fn take_held(&mut self) -> Option<Vec<u8>> {
        let held = mem::take(&mut self.unsent.as_mut()?.held);
        self.tidy();
        (!held.is_empty()).then_some(held)
    }

    /// Whether the connection is over, and to be dropped; the session has reported its end, or does so
    /// with the next call.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.session.advice() == Advice::Drop
    }
}

impl Unsent {
    fn append(&mut self, bytes: &mut Vec<u8>) {
        if self.written > self.len() {
            self.bytes.drain(..mem::take(&mut self.written));
        }
        self.bytes.append(bytes);
    }

    fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    fn is_over(&self) -> bool {
        self.len() == 0 && self.lost == 0 && self.held.is_empty()
    }
}

/// Writes all, and what the stream itself holds back.
fn send(stream: &mut Stream, bytes: &[u8], written: &mut usize) -> io::Result<()> {
    while *written < bytes.len() {
        match stream.write(&bytes[*written..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(taken) => *written += taken,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    stream.flush()
}

/// Writes two slices at once, and then what the stream holds back.
fn send_both(
    stream: &mut Stream,
    head: &[u8],
    payload: &[u8],
    written: &mut usize,
) -> io::Result<()> {
    while *written < head.len() {
        let parts = [IoSlice::new(&head[*written..]), IoSlice::new(payload)];
        match stream.write_vectored(&parts) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(taken) => *written += taken,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut tail = mem::take(written) - head.len();
    let result = send(stream, payload, &mut tail);
    *written = head.len() + tail;
    result
}

impl<R: Role> Source for WebSocket<R> {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.stream.register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.stream.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.stream.deregister(registry)
    }
}
