//! What is being written, and how much of it is.

use std::io::{self, ErrorKind, Write};
use std::mem;
use std::time::Duration;

use crate::patience::Patience;

/// How much memory an output may keep once it is written.
const KEEP_CAPACITY: usize = 64 << 10;

/// A stream to write to, with a limit on how long that may take.
pub(crate) trait Sink: Write {
    /// Limits how long a write may block; `last` is the limit that was set before.
    fn limit(&mut self, limit: Option<Duration>, last: &mut Option<Duration>);
}

/// The way out to a stream. It keeps what the stream did not take.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    bytes: Vec<u8>,
    written: usize,
    unflushed: bool,
    /// The limit that the stream has now.
    limit: Option<Duration>,
}

impl Pipe {
    /// Returns how many bytes are to be written yet.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the stream holds nothing back either.
    pub(crate) fn is_flushed(&self) -> bool {
        self.is_empty() && !self.unflushed
    }

    /// Takes new bytes when it is empty, for its own old memory.
    pub(crate) fn fill(&mut self, bytes: &mut Vec<u8>) {
        mem::swap(bytes, &mut self.bytes);
    }

    /// Drops what is left; returns how much it was.
    pub(crate) fn clear(&mut self) -> usize {
        let left = self.len();
        self.written = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEEP_CAPACITY {
            self.bytes = Vec::new();
        }
        left
    }

    /// Writes all of it, and tells how much is left meanwhile. Returns whether there was time for it;
    /// the rest is kept.
    pub(crate) fn write_to(
        &mut self,
        stream: &mut impl Sink,
        patience: Patience,
        progress: impl Fn(usize),
    ) -> io::Result<bool> {
        loop {
            stream.limit(patience.for_call(), &mut self.limit);
            match in_time(|| stream.write(&self.bytes[self.written..]))? {
                None => return Ok(false),
                Some(0) => return Err(ErrorKind::WriteZero.into()),
                Some(written) => self.written += written,
            }
            if self.is_empty() {
                self.clear();
                self.unflushed = true;
                return Ok(true);
            }
            progress(self.len());
            // A peer that takes a little now and then does not stretch it.
            if patience.is_over() {
                return Ok(false);
            }
        }
    }

    /// Lets go of what the stream itself may hold back, such as a TLS record. Returns whether there
    /// was time for it.
    pub(crate) fn flush(&mut self, stream: &mut impl Sink, patience: Patience) -> io::Result<bool> {
        if self.unflushed {
            stream.limit(patience.for_call(), &mut self.limit);
            if in_time(|| stream.flush())?.is_none() {
                return Ok(false);
            }
            self.unflushed = false;
        }
        Ok(true)
    }
}

/// Returns `None` if the operation only has to be repeated later.
fn in_time<T>(operation: impl FnMut() -> io::Result<T>) -> io::Result<Option<T>> {
    match retry(operation) {
        Ok(done) => Ok(Some(done)),
        Err(error) if is_timeout(&error) => Ok(None),
        Err(error) => Err(error),
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
