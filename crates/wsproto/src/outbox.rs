//! Bytes on their way out, in order: small frames in one buffer, large payloads where they lie.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use crate::PreparedMessage;
use crate::mask::Mask;

/// A payload from so many bytes on waits where it lies, and is not copied.
pub(crate) const LARGE: usize = 64 << 10;

/// How many bytes of a large payload follow its header in the buffer, so that the two leave together.
const FIRST: usize = 16 << 10;

/// How many bytes of a large payload are masked at a time.
const PIECE: usize = 64 << 10;

/// How much memory an empty buffer keeps.
const KEEP: usize = 1 << 20;

/// Bytes on their way out.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Chunks in front of `bytes`; mostly none.
    chunks: VecDeque<Chunk>,
    /// Frames are appended here.
    bytes: Vec<u8>,
    /// How many bytes of the first chunk, or of `bytes` if there is none, were written.
    written: usize,
}

#[derive(Debug)]
enum Chunk {
    Bytes(Vec<u8>),
    /// An owned payload, masked where it lies, piece by piece. Its first `ready` bytes are masked, or
    /// left with the header.
    Owned {
        bytes: Vec<u8>,
        mask: Option<Mask>,
        ready: usize,
    },
    /// A payload that many connections share. A server's: it is not masked. Its first `ready` bytes left
    /// with the header.
    Shared {
        message: PreparedMessage,
        ready: usize,
    },
}

impl Output {
    /// Returns the buffer, for frames to be appended.
    #[inline]
    pub(crate) const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.written == self.bytes.len()
    }

    /// Appends an owned payload, whose header was just appended.
    pub(crate) fn push_owned(&mut self, mut bytes: Vec<u8>, mut mask: Option<Mask>) {
        let first = FIRST.min(bytes.len());
        let (front, _) = bytes.split_at_mut(first);
        match &mut mask {
            Some(mask) => mask.append(front, &mut self.bytes),
            None => self.bytes.extend_from_slice(front),
        }
        self.close_buffer();
        self.chunks.push_back(Chunk::Owned { bytes, mask, ready: first });
    }

    /// Appends the payload of a prepared message, whose header was just appended.
    pub(crate) fn push_shared(&mut self, message: &PreparedMessage) {
        let (front, _) = message.payload().split_at(FIRST.min(message.payload().len()));
        self.bytes.extend_from_slice(front);
        let ready = front.len();
        self.close_buffer();
        self.chunks.push_back(Chunk::Shared { message: message.clone(), ready });
    }

    /// Makes a chunk of the buffer.
    fn close_buffer(&mut self) {
        let mut bytes = mem::take(&mut self.bytes);
        if self.chunks.is_empty() {
            bytes.drain(..mem::take(&mut self.written));
        }
        self.chunks.push_back(Chunk::Bytes(bytes));
    }

    /// Returns the next bytes to write; nothing if there are none. There may be more behind them.
    #[inline]
    pub(crate) fn pending(&mut self) -> &[u8] {
        if self.chunks.is_empty() {
            return self.bytes.get(self.written..).unwrap_or_default();
        }
        self.pending_chunk()
    }

    fn pending_chunk(&mut self) -> &[u8] {
        let Some(chunk) = self.chunks.front_mut() else { return &[] };
        let all = match chunk {
            Chunk::Bytes(bytes) => &bytes[..],
            Chunk::Shared { message, .. } => message.payload(),
            Chunk::Owned { bytes, mask: None, .. } => &bytes[..],
            Chunk::Owned { bytes, mask: Some(mask), ready } => {
                if self.written == *ready {
                    let end = ready.saturating_add(PIECE).min(bytes.len());
                    mask.apply(bytes.get_mut(*ready..end).unwrap_or_default());
                    *ready = end;
                }
                bytes.get(..*ready).unwrap_or_default()
            }
        };
        all.get(self.written..).unwrap_or_default()
    }

    /// Drops the first `len` bytes, which were written.
    #[inline]
    pub(crate) fn advance(&mut self, len: usize) {
        self.written = self.written.saturating_add(len);
        if self.chunks.is_empty() {
            if self.written >= self.bytes.len() {
                self.reset();
            }
        } else {
            self.advance_chunks();
        }
    }

    fn advance_chunks(&mut self) {
        while let Some(chunk) = self.chunks.front() {
            let len = match chunk {
                Chunk::Bytes(bytes) | Chunk::Owned { bytes, .. } => bytes.len(),
                Chunk::Shared { message, .. } => message.payload().len(),
            };
            if self.written < len {
                return;
            }
            self.written -= len;
            self.chunks.pop_front();
            // The front of a payload left with its header.
            if let Some(Chunk::Owned { ready, .. } | Chunk::Shared { ready, .. }) =
                self.chunks.front()
            {
                self.written += ready;
            }
        }
        if self.chunks.is_empty() && self.written >= self.bytes.len() {
            self.reset();
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
        self.reset();
    }

    fn reset(&mut self) {
        self.written = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// Writes everything in steps of `step` bytes.
    fn drain(output: &mut Output, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !output.is_empty() {
            let part = output.pending();
            assert!(!part.is_empty(), "there is something to write");
            let part = &part[..step.min(part.len())];
            all.extend_from_slice(part);
            let len = part.len();
            output.advance(len);
        }
        assert!(output.pending().is_empty());
        all
    }

    #[test]
    fn chunks_and_bytes_leave_in_order_however_they_are_cut() {
        let payload: Vec<u8> = (0..300_000_usize).map(|i| (i % 251) as u8).collect();
        let prepared = PreparedMessage::binary(&payload);
        for step in [1000, 4096, PIECE, 1 << 20] {
            for key in [None, Some([0x37, 0xFA, 0x21, 0x3D])] {
                let mut output = Output::default();
                let mut expected = vec![1, 2, 3];
                output.buffer().extend([1, 2, 3]);
                output.push_owned(payload.clone(), key.map(Mask::new));
                let mut masked = payload.clone();
                if let Some(key) = key {
                    Mask::new(key).apply(&mut masked);
                }
                expected.extend(&masked);
                output.buffer().extend([4, 5]);
                expected.extend([4, 5]);
                output.push_shared(&prepared);
                expected.extend(&payload);
                output.buffer().push(6);
                expected.push(6);
                assert!(drain(&mut output, step) == expected, "{step} {key:?}");
            }
        }
    }

    #[test]
    fn what_was_written_before_a_chunk_is_not_written_again() {
        let mut output = Output::default();
        output.buffer().extend([1, 2, 3, 4]);
        output.advance(2);
        output.push_owned(vec![7; LARGE], None);
        let all = drain(&mut output, 100);
        assert_eq!(all.len(), 2 + LARGE);
        assert_eq!(all[..3], [3, 4, 7]);
    }
}
