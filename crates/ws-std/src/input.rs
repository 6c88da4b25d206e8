//! The bytes that were read and are not consumed yet.

use std::io;

use ws_common::adapter::READ_SIZE;

use crate::Stream;
use crate::sys::Wait;

/// The input buffer, and how much of it is consumed.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) stream: Stream,
    buffer: Box<[u8]>,
    consumed: usize,
    filled: usize,
}

impl Input {
    pub(crate) fn new(stream: Stream) -> Self {
        let buffer = vec![0; READ_SIZE].into();
        Self { stream, buffer, consumed: 0, filled: 0 }
    }

    /// Passes the unconsumed input to `take`, which consumes it from the front.
    pub(crate) fn with<T>(&mut self, take: impl FnOnce(&mut &mut [u8]) -> T) -> T {
        let mut rest = &mut self.buffer[self.consumed..self.filled];
        let result = take(&mut rest);
        self.consumed = self.filled - rest.len();
        result
    }

    /// Discards unconsumed input.
    pub(crate) const fn clear(&mut self) {
        (self.consumed, self.filled) = (0, 0);
    }

    /// Returns whether the last [read](Self::read) has filled the buffer: more input may have arrived.
    pub(crate) fn is_filled(&self) -> bool {
        self.filled == self.buffer.len()
    }

    /// Replaces the buffer's content by [`Stream::receive`].
    pub(crate) fn read(&mut self, wait: Wait) -> io::Result<Option<usize>> {
        let read = self.stream.receive(&mut self.buffer, wait)?;
        if let Some(read) = read {
            (self.consumed, self.filled) = (0, read);
        }
        Ok(read)
    }
}
