//! The state of a connection, shared by all who use it, and what they have to write.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wsproto::{CloseError, CloseFrame, PreparedMessage, Role, Session};

use crate::{Error, Message};

/// How much memory an output may keep once it is written.
const KEEP_CAPACITY: usize = 64 << 10;

/// A link behind a lock. Whoever appends to the output also writes it, before the lock is released,
/// so that frames leave whole and in order.
#[derive(Debug)]
pub(crate) struct Shared<R: Role>(Arc<Mutex<Link<R>>>);

impl<R: Role> Shared<R> {
    pub(crate) fn new(session: Session<R>, out: Vec<u8>) -> Self {
        let out = Output { bytes: out, written: 0, ended: false };
        Self(Arc::new(Mutex::new(Link { session, start: Instant::now(), out })))
    }

    /// Nothing panics under the lock, and half-written output is written on by the next.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Link<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether others may use the link while we wait for input.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl<R: Role> Clone for Shared<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A session, its clock and its output.
#[derive(Debug)]
pub(crate) struct Link<R: Role> {
    pub(crate) session: Session<R>,
    /// The moment from which the session's time is counted.
    start: Instant,
    pub(crate) out: Output,
}

impl<R: Role> Link<R> {
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn append(&mut self, message: &Message) -> Result<(), Error> {
        let sender = self.session.sender()?;
        match message {
            Message::Text(text) => sender.send_text(text, &mut self.out.bytes)?,
            Message::Binary(bytes) => sender.send_binary(bytes, &mut self.out.bytes)?,
        }
        Ok(())
    }

    pub(crate) fn append_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        Ok(self.session.sender()?.send_prepared(message, &mut self.out.bytes)?)
    }

    pub(crate) fn append_ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        Ok(self.session.sender()?.ping(payload, &mut self.out.bytes)?)
    }

    /// Closes with a code that an application may set, or with none.
    pub(crate) fn append_close(&mut self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        match frame {
            Some(frame) if !frame.code().is_application() => {
                Err(CloseError::CodeNotAllowed(frame.code()).into())
            }
            _ => self.append_any_close(frame),
        }
    }

    /// Closes with any code that may be sent.
    pub(crate) fn append_any_close(&mut self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        let now = self.now();
        Ok(self.session.close(frame, now, &mut self.out.bytes)?)
    }

    /// How long to wait for the stream; `None` if the session's deadline has passed, and was dealt
    /// with.
    pub(crate) fn patience(&mut self) -> Option<Option<Duration>> {
        let now = self.now();
        match self.session.deadline().map(|deadline| deadline.saturating_sub(now)) {
            Some(Duration::ZERO) => {
                self.session.handle_timeout(now, &mut self.out.bytes);
                None
            }
            patience => Some(patience),
        }
    }
}

/// What is to be written, and how much of it is.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    written: usize,
    /// The writing side has ended, by us or by an error: what comes now goes nowhere.
    ended: bool,
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Writes all of it. After an error the rest is kept for the next call.
    pub(crate) fn write_to(&mut self, stream: &mut impl Write) -> io::Result<()> {
        if self.ended && !self.bytes.is_empty() {
            self.bytes.clear();
            return Err(ErrorKind::BrokenPipe.into());
        }
        while self.written < self.bytes.len() {
            match retry(|| stream.write(&self.bytes[self.written..]))? {
                0 => return Err(ErrorKind::WriteZero.into()),
                written => self.written += written,
            }
        }
        self.written = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEEP_CAPACITY {
            self.bytes = Vec::new();
        }
        retry(|| stream.flush())
    }

    /// Gives up writing.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.written = 0;
        self.bytes = Vec::new();
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
