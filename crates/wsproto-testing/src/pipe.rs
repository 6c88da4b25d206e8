//! One direction of a transport.
use std::collections::VecDeque;

/// One direction of a transport, with a bounded number of bytes in transit.
#[derive(Debug)]
pub struct Pipe {
    bytes: VecDeque<u8>,
    size: usize,
    /// How many bytes have entered it.
    pub carried: usize,
    /// Whether the writing end is closed.
    pub shut: bool,
    /// Whether the reading end is gone, so that writing fails.
    pub(crate) gone: bool,
    /// Whether it silently transfers nothing.
    pub stuck: bool,
}

impl Pipe {
    /// Creates a direction that holds at most `size` bytes.
    #[must_use]
    pub const fn new(size: usize) -> Self {
        let bytes = VecDeque::new();
        Self { bytes, size, carried: 0, shut: false, gone: false, stuck: false }
    }

    /// Returns how many bytes are in transit.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether no bytes are in transit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Accepts the first of these bytes, as many as there is room for. Returns how many.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        if self.stuck || self.shut || self.gone {
            return 0;
        }
        let part = &bytes[..bytes.len().min(self.size - self.bytes.len())];
        self.bytes.extend(part);
        self.carried += part.len();
        part.len()
    }

    /// Returns at most `most` bytes, in order.
    pub fn read(&mut self, most: usize) -> Vec<u8> {
        let len = if self.stuck { 0 } else { most.min(self.bytes.len()) };
        self.bytes.drain(..len).collect()
    }

    /// Returns whether the end of the data has been reached.
    pub(crate) fn is_at_end(&self) -> bool {
        self.shut && self.bytes.is_empty() && !self.stuck
    }

    /// Discards all bytes and ends both sides, as a reset does.
    pub fn reset(&mut self) {
        self.bytes.clear();
        (self.shut, self.gone) = (true, true);
    }
}
