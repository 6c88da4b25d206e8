//! What all who use a connection share: its session, and the way out to its stream.

use std::io::{self, ErrorKind, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use wsproto::{CloseError, CloseFrame, PreparedMessage, ReadyState, Role, Session};

use crate::{Error, Message};

/// How much memory an output may keep once it is written.
const KEEP_CAPACITY: usize = 64 << 10;

/// How long a call blocks that should not block: the least there is.
pub(crate) const HARDLY: Duration = Duration::from_millis(1);

/// A link and its pipe, each behind a lock of its own.
///
/// The link's lock is never held while somebody waits for the stream, so that one thread can receive
/// while another waits for the peer to take what it sends. Frames are appended under it, whole; the
/// pipe takes all of them at once, so that they leave in order.
#[derive(Debug)]
pub(crate) struct Shared<R: Role>(Arc<(Mutex<Link<R>>, Mutex<Pipe>)>);

impl<R: Role> Shared<R> {
    pub(crate) fn new(session: Session<R>, out: Vec<u8>) -> Self {
        let link =
            Link { session, start: Instant::now(), out, owed: 0, patience: None, ended: false };
        Self(Arc::new((Mutex::new(link), Mutex::new(Pipe::default()))))
    }

    /// The link is whole between any two calls of it, also if one of them has panicked.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Link<R>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether others may use the link while we wait for input.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Writes all that was appended, in the stream's own time. Waits for others who write.
    pub(crate) fn write(&self, stream: &mut impl Sink) -> io::Result<()> {
        loop {
            let pipe = self.0.1.lock().unwrap_or_else(PoisonError::into_inner);
            self.write_through(pipe, stream)?;
            // Who could not get the pipe in the meantime has left it to us.
            if self.lock().out.is_empty() {
                return Ok(());
            }
        }
    }

    /// As [`write`](Self::write), but leaves it to another who is writing; returns whether all is
    /// written.
    pub(crate) fn try_write(&self, stream: &mut impl Sink) -> io::Result<bool> {
        match self.0.1.try_lock() {
            Ok(pipe) => self.write_through(pipe, stream).map(|()| true),
            Err(TryLockError::Poisoned(pipe)) => {
                self.write_through(pipe.into_inner(), stream).map(|()| true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
        }
    }

    /// Whether nothing is left to write, and nobody is writing.
    pub(crate) fn is_written(&self) -> bool {
        let pipe = self.0.1.try_lock();
        pipe.is_ok_and(|pipe| pipe.is_empty() && !pipe.unflushed) && self.lock().out.is_empty()
    }

    fn write_through(
        &self,
        mut pipe: MutexGuard<'_, Pipe>,
        stream: &mut impl Sink,
    ) -> io::Result<()> {
        let result = loop {
            if pipe.is_empty() && !self.lock().pour(&mut pipe.bytes) {
                break pipe.flush(stream);
            }
            if let Err(error) = pipe.write_to(stream) {
                break Err(error);
            }
        };
        if result.as_ref().is_err_and(|error| !is_timeout(error)) {
            pipe.clear();
            self.lock().end();
        }
        result
    }
}

impl<R: Role> Clone for Shared<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A session, its clock, and what it wants to send.
#[derive(Debug)]
pub(crate) struct Link<R: Role> {
    pub(crate) session: Session<R>,
    /// The moment from which the session's time is counted.
    start: Instant,
    /// What the pipe has not taken yet.
    pub(crate) out: Vec<u8>,
    /// How many bytes of replies may still be unwritten.
    pub(crate) owed: usize,
    /// How long sending waits for a peer that does not read.
    pub(crate) patience: Option<Duration>,
    /// The writing side has ended: what comes now goes nowhere.
    ended: bool,
}

impl<R: Role> Link<R> {
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn send(&mut self, message: &Message) -> Result<(), Error> {
        match message {
            Message::Text(text) => self.send_text(text),
            Message::Binary(bytes) => self.send_binary(bytes),
        }
    }

    pub(crate) fn send_text(&mut self, text: &str) -> Result<(), Error> {
        self.open()?;
        Ok(self.session.sender()?.send_text(text, &mut self.out)?)
    }

    pub(crate) fn send_binary(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.open()?;
        Ok(self.session.sender()?.send_binary(bytes, &mut self.out)?)
    }

    pub(crate) fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.open()?;
        Ok(self.session.sender()?.send_prepared(message, &mut self.out)?)
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.open()?;
        Ok(self.session.sender()?.ping(payload, &mut self.out)?)
    }

    /// Closes with a code that an application may set, or with none.
    pub(crate) fn close(&mut self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        match frame {
            Some(frame) if !frame.code().is_application() => {
                Err(CloseError::CodeNotAllowed(frame.code()).into())
            }
            _ => self.close_with(frame),
        }
    }

    /// Closes with any code that may be sent.
    pub(crate) fn close_with(&mut self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        let now = self.now();
        Ok(self.session.close(frame, now, &mut self.out)?)
    }

    /// How long it is to the session's deadline: nothing, if it has passed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.session.deadline().map(|deadline| deadline.saturating_sub(self.now()))
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self) {
        let now = self.now();
        self.session.handle_timeout(now, &mut self.out);
    }

    pub(crate) fn end_of_input(&mut self) {
        self.session.end_of_input(&mut self.out);
    }

    /// Gives up writing.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.out = Vec::new();
    }

    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    fn open(&self) -> io::Result<()> {
        // A session that is not open says so itself, and better.
        match self.session.ready_state() {
            ReadyState::Open if self.ended => Err(ErrorKind::BrokenPipe.into()),
            _ => Ok(()),
        }
    }

    /// Moves what is to be sent into an empty pipe; returns whether there is anything.
    fn pour(&mut self, pipe: &mut Vec<u8>) -> bool {
        if self.ended {
            self.out.clear();
        }
        if self.out.is_empty() {
            self.owed = 0;
            return false;
        }
        mem::swap(&mut self.out, pipe);
        true
    }
}

/// A stream to write to, with a limit on how long that may take.
pub(crate) trait Sink: Write {
    /// Limits how long the next write may block, and returns that limit.
    fn limit(&mut self, last: &mut Option<Duration>) -> Option<Duration>;
}

/// What is being written, and how much of it is.
#[derive(Debug, Default)]
struct Pipe {
    bytes: Vec<u8>,
    written: usize,
    unflushed: bool,
    /// The limit that the stream has now.
    limit: Option<Duration>,
}

impl Pipe {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes all of it. After an error the rest is kept for the next call.
    fn write_to(&mut self, stream: &mut impl Sink) -> io::Result<()> {
        let (began, limit) = (Instant::now(), stream.limit(&mut self.limit));
        while self.written < self.bytes.len() {
            match retry(|| stream.write(&self.bytes[self.written..]))? {
                0 => return Err(ErrorKind::WriteZero.into()),
                written => self.written += written,
            }
            // A peer that takes a little now and then does not stretch the limit.
            if self.written < self.bytes.len() && limit.is_some_and(|l| began.elapsed() >= l) {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
        self.clear();
        self.unflushed = true;
        Ok(())
    }

    /// Lets go of what the stream itself may hold back, such as a TLS record.
    fn flush(&mut self, stream: &mut impl Sink) -> io::Result<()> {
        if self.unflushed {
            stream.limit(&mut self.limit);
            retry(|| stream.flush())?;
            self.unflushed = false;
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.written = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEEP_CAPACITY {
            self.bytes = Vec::new();
        }
    }
}

/// Repeats what a signal interrupts.
pub(crate) fn retry<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether the operation only has to be repeated later. Which of the two kinds a timeout has
/// depends on the operating system.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
