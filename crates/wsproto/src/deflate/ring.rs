//! A sliding window: the last bytes of a stream.

use alloc::vec::Vec;
use core::fmt;

use super::WindowBits;

/// The last bytes of a stream, at most the agreed window and no more than there were.
pub(super) struct Ring {
    bytes: Vec<u8>,
    /// Where the oldest byte is, once the ring is full.
    oldest: u16,
    window: WindowBits,
}

impl Ring {
    pub(super) const fn new(window: WindowBits) -> Self {
        Self { bytes: Vec::new(), oldest: 0, window }
    }

    pub(super) const fn window(&self) -> WindowBits {
        self.window
    }

    /// Returns the bytes in order, in two parts.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        let (newer, older) = self.bytes.split_at(usize::from(self.oldest).min(self.bytes.len()));
        [older, newer]
    }

    /// Adds the next bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let size = self.window.bytes();
        let bytes = bytes.get(bytes.len().saturating_sub(size)..).unwrap_or_default();
        let free = size - self.bytes.len();
        let (grow, mut rest) = bytes.split_at(free.min(bytes.len()));
        self.reserve(grow.len());
        self.bytes.extend_from_slice(grow);
        while !rest.is_empty() {
            let at = usize::from(self.oldest);
            let room = self.bytes.get_mut(at..).unwrap_or_default();
            let (now, later) = rest.split_at(room.len().min(rest.len()));
            if let Some(room) = room.get_mut(..now.len()) {
                room.copy_from_slice(now);
            }
            self.oldest = u16::try_from((at + now.len()) % size).unwrap_or(0);
            rest = later;
        }
    }

    /// Makes room, by doubling, never for more than the window.
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let ample = (needed.saturating_mul(2)).min(self.window.bytes());
            self.bytes.reserve_exact(ample - self.bytes.len());
        }
    }

    /// Forgets everything, memory included.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.window);
    }
}

/// Shows the length, not the bytes.
impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.bytes.len(), self.window.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_kept_in_order_however_they_are_pushed() {
        let stream: Vec<u8> = (0..=250).cycle().take(3000).collect();
        for step in [1, 7, 100, 255, 256, 257, 600, 3000] {
            let mut ring = Ring::new(WindowBits::MIN);
            let mut pushed = 0;
            for part in stream.chunks(step) {
                ring.push(part);
                pushed += part.len();
                let kept = stream.get(pushed.saturating_sub(256)..pushed);
                assert_eq!(Some(&ring.parts().concat()[..]), kept, "{step} {pushed}");
                assert!(ring.bytes.capacity() <= 256.min(2 * pushed));
            }
        }
    }
}
