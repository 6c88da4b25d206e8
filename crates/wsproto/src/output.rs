//! Bytes waiting to be written, in order: small frames in one buffer, large payloads in their own
//! memory.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::{fmt, mem};

use crate::PreparedMessage;
use crate::mask::Mask;
use crate::redacted::Length;

/// Payloads of at least this many bytes are queued without copying.
pub(crate) const LARGE: usize = 16 << 10;

/// How many bytes of a large payload are masked at a time.
const MASK_AT_ONCE: usize = 64 << 10;

/// How many bytes of capacity an empty buffer keeps.
const MAX_EMPTY_CAPACITY: usize = 1 << 20;

/// How many written bytes may precede the unwritten ones before the latter are moved to the front.
const COMPACT_FROM: usize = 64 << 10;

/// Bytes waiting to be written.
#[derive(Default)]
pub(crate) struct Output {
    /// Chunks in front of `bytes`; usually none.
    chunks: VecDeque<Chunk>,
    /// The buffer that frames are appended to.
    bytes: Vec<u8>,
    /// How many bytes of the first chunk (or of `bytes`, if there is no chunk) have been written.
    written: usize,
    /// How many bytes of the chunks are unwritten.
    queued: usize,
}

enum Chunk {
    Bytes(Vec<u8>),
    /// A payload that is masked in place, piece by piece; its first `masked` bytes have been.
    Masked {
        bytes: Vec<u8>,
        mask: Mask,
        masked: usize,
    },
    /// A payload shared by many connections of a server, so it is not masked.
    Shared(PreparedMessage),
}

impl Chunk {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) | Self::Masked { bytes, .. } => bytes.len(),
            Self::Shared(message) => message.payload().len(),
        }
    }

    /// Returns the bytes from `written` on, at most those that are masked. Masks some if none are.
    fn ready(&mut self, written: usize) -> &[u8] {
        let ready = match self {
            Self::Bytes(bytes) => &bytes[..],
            Self::Shared(message) => message.payload(),
            Self::Masked { bytes, mask, masked } => {
                if written == *masked {
                    let end = masked.saturating_add(MASK_AT_ONCE).min(bytes.len());
                    mask.apply(bytes.get_mut(*masked..end).unwrap_or_default());
                    *masked = end;
                }
                bytes.get(..*masked).unwrap_or_default()
            }
        };
        ready.get(written..).unwrap_or_default()
    }
}

/// Shows lengths only.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Length(self.len()).fmt(f)
    }
}

impl Output {
    /// Calls `append` with the buffer. Returns its result; and by how many bytes the buffer has grown,
    /// 0 if it shrank, `None` if its length has not changed.
    #[inline]
    pub(crate) fn append<T>(
        &mut self,
        append: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> (T, Option<usize>) {
        let before = self.bytes.len();
        let result = append(&mut self.bytes);
        let after = self.bytes.len();
        if after >= before {
            return (result, (after > before).then_some(after - before));
        }
        // The application removed bytes from the buffer it was lent.
        if self.chunks.is_empty() {
            self.written = self.written.min(after);
        }
        (result, Some(0))
    }

    /// Returns how many bytes are unwritten.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        if self.chunks.is_empty() {
            return self.bytes.len() - self.written;
        }
        self.queued + self.bytes.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Queues an owned payload whose header was just appended.
    pub(crate) fn push_owned(&mut self, bytes: Vec<u8>, mask: Option<Mask>) {
        self.push(match mask {
            Some(mask) => Chunk::Masked { bytes, mask, masked: 0 },
            None => Chunk::Bytes(bytes),
        });
    }

    /// Queues the payload of a prepared message whose header was just appended.
    pub(crate) fn push_shared(&mut self, message: &PreparedMessage) {
        self.push(Chunk::Shared(message.clone()));
    }

    /// Queues a payload behind the buffer.
    fn push(&mut self, payload: Chunk) {
        self.queued = self.len() + payload.len();
        if !self.bytes.is_empty() {
            self.chunks.push_back(Chunk::Bytes(mem::take(&mut self.bytes)));
        }
        self.chunks.push_back(payload);
    }

    /// Returns the next bytes to write, in two slices, so that a header and its payload leave in one
    /// write. The second is empty if the first is. More may follow them.
    #[inline]
    pub(crate) fn pending(&mut self) -> [&[u8]; 2] {
        if self.chunks.is_empty() {
            return [self.bytes.get(self.written..).unwrap_or_default(), &[]];
        }
        self.pending_chunks()
    }

    fn pending_chunks(&mut self) -> [&[u8]; 2] {
        let mut chunks = self.chunks.iter_mut();
        let Some(chunk) = chunks.next() else { return [&[]; 2] };
        let left = chunk.len() - self.written;
        let first = chunk.ready(self.written);
        if first.len() < left {
            return [first, &[]];
        }
        [first, chunks.next().map_or(&self.bytes[..], |chunk| chunk.ready(0))]
    }

    /// Drops the first `len` of the [pending](Self::pending) bytes, which were written, or all of
    /// them if there are fewer. Returns how many.
    #[inline]
    pub(crate) fn advance(&mut self, len: usize) -> usize {
        if !self.chunks.is_empty() {
            return self.advance_chunks(len);
        }
        let len = len.min(self.len());
        self.written += len;
        self.release_written();
        len
    }

    /// Releases written bytes: all at once, or enough of them that moving the rest costs less work
    /// than writing them did. So the work stays linear, and a buffer that is never empty does not
    /// grow.
    #[inline]
    fn release_written(&mut self) {
        if self.written == self.bytes.len() {
            self.reset();
        } else if self.written >= COMPACT_FROM && self.written >= self.bytes.len() / 2 {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    fn advance_chunks(&mut self, len: usize) -> usize {
        let [first, second] = self.pending_chunks();
        let (first, second) = (first.len(), second.len());
        let len = len.min(first + second);
        let in_first = len.min(first);
        self.advance_chunk(in_first);
        if len > in_first {
            if self.chunks.is_empty() {
                self.written = len - in_first;
                self.release_written();
            } else {
                self.advance_chunk(len - in_first);
            }
        }
        len
    }

    /// Drops bytes of the first chunk, and the chunk with its last byte.
    fn advance_chunk(&mut self, len: usize) {
        self.written += len;
        self.queued -= len;
        if self.chunks.front().is_some_and(|chunk| self.written < chunk.len()) {
            return;
        }
        self.written = 0;
        if let Some(Chunk::Bytes(mut bytes)) = self.chunks.pop_front()
            && self.bytes.capacity() == 0
            && bytes.capacity() < LARGE
        {
            // Reuse the memory of headers and small frames, never that of a payload.
            bytes.clear();
            self.bytes = bytes;
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
        self.queued = 0;
        self.reset();
    }

    fn reset(&mut self) {
        self.written = 0;
        self.bytes.clear();
        if self.bytes.capacity() > MAX_EMPTY_CAPACITY {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn push(output: &mut Output, bytes: &[u8]) {
        output.append(|buffer| buffer.extend_from_slice(bytes));
    }

    /// Writes everything in steps of `step` bytes.
    fn drain(output: &mut Output, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !output.is_empty() {
            let pending = output.pending().concat();
            assert!(!output.pending()[0].is_empty(), "there is something to write");
            let len = step.min(pending.len());
            all.extend(pending.iter().take(len));
            let before = output.len();
            assert_eq!(output.advance(len), len);
            assert_eq!(output.len(), before - len);
        }
        assert_eq!(output.pending(), [[]; 2]);
        all
    }

    #[test]
    fn chunks_and_bytes_are_written_in_order_however_they_are_cut() {
        let payload: Vec<u8> = (0..251).cycle().take(300_000).collect();
        let prepared = PreparedMessage::binary(&payload);
        for step in [1000, 4096, MASK_AT_ONCE, 1 << 20] {
            for key in [None, Some([0x37, 0xFA, 0x21, 0x3D])] {
                let mut output = Output::default();
                let mut expected = vec![1, 2, 3];
                push(&mut output, &[1, 2, 3]);
                output.push_owned(payload.clone(), key.map(Mask::new));
                let mut masked = payload.clone();
                if let Some(key) = key {
                    Mask::new(key).apply(&mut masked);
                }
                expected.extend(&masked);
                push(&mut output, &[4, 5]);
                expected.extend([4, 5]);
                output.push_shared(&prepared);
                expected.extend(&payload);
                output.push_owned(payload.clone(), None);
                expected.extend(&payload);
                push(&mut output, &[6]);
                expected.push(6);
                assert_eq!(output.len(), expected.len());
                assert!(drain(&mut output, step) == expected, "{step} {key:?}");
            }
        }
    }

    #[test]
    fn a_header_leaves_with_its_payload() {
        for mask in [None, Some(Mask::new([1, 2, 3, 4]))] {
            let mut output = Output::default();
            push(&mut output, &[1, 2]);
            output.push_owned(vec![0; LARGE], mask);
            assert_eq!(output.pending().map(<[u8]>::len), [2, LARGE]);
            assert_eq!(output.advance(2 + LARGE), 2 + LARGE);
            // The memory of the header serves the next one.
            assert!(output.is_empty() && output.bytes.capacity() < LARGE);
            let before = output.bytes.as_ptr();
            push(&mut output, &[1, 2]);
            assert_eq!(output.bytes.as_ptr(), before);
        }
    }

    #[test]
    fn the_memory_of_a_payload_is_not_kept() {
        let mut output = Output::default();
        for len in [1 << 20, LARGE, 1 << 20] {
            push(&mut output, &[1, 2]);
            output.push_owned(vec![0; len], None);
            output.advance(1000);
            assert!(output.bytes.capacity() < LARGE);
        }
        drain(&mut output, 1000);
        assert!(output.bytes.capacity() < LARGE);
    }

    #[test]
    fn bytes_written_before_a_chunk_are_not_written_again() {
        let mut output = Output::default();
        push(&mut output, &[1, 2, 3, 4]);
        output.advance(2);
        output.push_owned(vec![7; LARGE], None);
        assert_eq!(output.len(), 2 + LARGE);
        let all = drain(&mut output, 100);
        assert_eq!(all.len(), 2 + LARGE);
        assert!(all.starts_with(&[3, 4, 7]));
    }

    /// I7: a count beyond the pending bytes is clamped.
    #[test]
    fn advance_is_limited_to_the_pending_bytes() {
        let mut output = Output::default();
        push(&mut output, &[1, 2]);
        output.push_owned(vec![7; LARGE], Some(Mask::new([1, 2, 3, 4])));
        push(&mut output, &[3]);
        let mut left = 2 + LARGE + 1;
        while left > 0 {
            let pending = output.pending().concat().len();
            assert_eq!(output.advance(usize::MAX), pending);
            left -= pending;
            assert_eq!(output.len(), left);
        }
        assert_eq!(output.advance(usize::MAX), 0);
    }

    /// fault-E9: no more bytes are moved than are written, and a buffer that is never empty stays small.
    #[test]
    fn a_buffer_that_is_never_empty_does_not_grow() {
        let mut output = Output::default();
        push(&mut output, &[0; 1000]);
        for _ in 0..10_000 {
            push(&mut output, &[0; 1000]);
            output.advance(1000);
            assert!(output.bytes.len() <= 2 * COMPACT_FROM);
        }
        assert_eq!(output.len(), 1000);

        let (size, step) = (16 << 20, 1460);
        push(&mut output, &vec![0; size]);
        let (mut moved, mut left) = (0, output.len());
        while left > 0 {
            left -= output.advance(step);
            if output.written == 0 {
                moved += output.bytes.len();
            }
        }
        assert!(moved <= size, "{moved} bytes were moved");
    }

    /// An application that removes bytes it did not append harms only itself.
    #[test]
    fn a_buffer_that_shrinks_is_counted() {
        let mut output = Output::default();
        push(&mut output, &[1, 2, 3, 4]);
        output.advance(2);
        assert_eq!(output.append(Vec::clear).1, Some(0));
        assert_eq!((output.len(), output.pending()), (0, [&[][..]; 2]));
        push(&mut output, &[5]);
        assert_eq!(output.pending(), [&[5][..], &[]]);
    }
}
