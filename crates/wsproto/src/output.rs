//! Bytes waiting to be written, in order: small frames in one buffer, large payloads in their own
//! memory, messages in fragments encoded piece by piece.

mod fragments;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::{fmt, mem};

pub(crate) use fragments::{Fragments, Payload};

use crate::PreparedMessage;
use crate::frame::Opcode;
use crate::mask::Mask;
use crate::redacted::Length;

/// Payloads of at least this many bytes are queued without copying.
pub(crate) const LARGE: usize = 16 << 10;

/// Prepared messages are queued without copying from this payload size on: header and payload lie in one piece.
pub(crate) const LARGE_PREPARED: usize = 1 << 10;

/// How many bytes of a large payload are masked, or encoded as fragments, at a time.
const MASK_AT_ONCE: usize = 64 << 10;

/// How many bytes of capacity an empty buffer keeps.
const MAX_EMPTY_CAPACITY: usize = 1 << 20;

/// How many chunks an empty list keeps room for.
const MAX_EMPTY_CHUNKS: usize = 512;

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
    /// A frame shared by many connections of a server, so it is not masked. The compressed forms of the message are
    /// not kept with it: they would not be counted.
    Shared(Arc<[u8]>),
    /// A payload of a server that is shared with the application.
    #[cfg(feature = "bytes")]
    Lent(bytes::Bytes),
    /// The frames of a message that are not encoded yet.
    Fragments(Box<Fragments>),
}

impl Chunk {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) | Self::Masked { bytes, .. } => bytes.len(),
            Self::Shared(frame) => frame.len(),
            #[cfg(feature = "bytes")]
            Self::Lent(bytes) => bytes.len(),
            Self::Fragments(fragments) => fragments.len(),
        }
    }

    fn fragments(&mut self) -> Option<&mut Fragments> {
        match self {
            Self::Fragments(fragments) => Some(fragments),
            _ => None,
        }
    }

    /// Returns how many bytes from `written` on can be written as they are.
    fn ready_len(&self, written: usize) -> usize {
        let end = match self {
            Self::Masked { masked, .. } => *masked,
            Self::Fragments(_) => 0,
            whole => whole.len(),
        };
        end.saturating_sub(written)
    }

    /// Returns the bytes from `written` on, at most those that are masked. Masks some if none are.
    fn ready(&mut self, written: usize) -> &[u8] {
        let ready = match self {
            Self::Bytes(bytes) => &bytes[..],
            Self::Shared(frame) => frame,
            #[cfg(feature = "bytes")]
            Self::Lent(bytes) => bytes,
            Self::Fragments(_) => &[],
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

    /// Calls `append`, which appends one frame, as [`append`](Self::append) does. A Ping or Pong then
    /// leaves between two fragments, if the output has some (RFC 6455 section 5.4). A Close keeps its
    /// place, because no data may follow it.
    pub(crate) fn append_frame<T>(
        &mut self,
        append: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> (T, Option<usize>) {
        let from = self.bytes.len();
        let appended = self.append(append);
        if let Some(frame @ [first, ..]) = self.bytes.get(from..)
            && matches!(Opcode::from_bits(*first), Some(Opcode::Ping | Opcode::Pong))
            && let Some(fragments) = self.chunks.iter_mut().find_map(Chunk::fragments)
        {
            fragments.insert(frame);
            self.queued += frame.len();
            self.bytes.truncate(from);
        }
        appended
    }

    /// Returns how many unwritten bytes would leave before a Ping or Pong that is appended next. If one was just
    /// appended, they end with it.
    pub(crate) fn before_control(&self) -> usize {
        let mut before = 0;
        for chunk in &self.chunks {
            if let Chunk::Fragments(fragments) = chunk {
                return before + fragments.up_to_inserted() - self.written;
            }
            before += chunk.len();
        }
        self.len()
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

    /// Returns how many bytes the buffer and the list of chunks have room for.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// Queues an owned payload whose header was just appended.
    pub(crate) fn push_owned(&mut self, bytes: Vec<u8>, mask: Option<Mask>) {
        self.push(match mask {
            Some(mask) => Chunk::Masked { bytes, mask, masked: 0 },
            None => Chunk::Bytes(bytes),
        });
    }

    /// Queues the frame of a prepared message.
    pub(crate) fn push_shared(&mut self, message: &PreparedMessage) {
        self.push(Chunk::Shared(Arc::clone(message.frame())));
    }

    /// Queues a payload that the application shares, and whose header was just appended.
    #[cfg(feature = "bytes")]
    pub(crate) fn push_lent(&mut self, bytes: bytes::Bytes) {
        self.push(Chunk::Lent(bytes));
    }

    /// Queues a message in fragments.
    pub(crate) fn push_fragments(&mut self, fragments: Fragments) {
        self.push(Chunk::Fragments(Box::new(fragments)));
    }

    /// Queues a payload after the bytes of the buffer.
    fn push(&mut self, payload: Chunk) {
        self.queued = self.len() + payload.len();
        if !self.bytes.is_empty() {
            self.chunks.push_back(Chunk::Bytes(mem::take(&mut self.bytes)));
        }
        self.chunks.push_back(payload);
    }

    /// Returns the next bytes to write, in up to `N` slices, so that they leave in one write. Empty slices are at
    /// the end. More may follow them.
    #[inline]
    pub(crate) fn pending<const N: usize>(&mut self) -> [&[u8]; N] {
        let mut slices = [&[][..]; N];
        if !self.chunks.is_empty() {
            self.pending_chunks(&mut slices);
        } else if let [first, ..] = &mut slices[..] {
            *first = self.bytes.get(self.written..).unwrap_or_default();
        }
        slices
    }

    fn pending_chunks<'a>(&'a mut self, slices: &mut [&'a [u8]]) {
        self.encode_fragments();
        let mut written = self.written;
        let mut slices = slices.iter_mut();
        for (chunk, slice) in self.chunks.iter_mut().zip(&mut slices) {
            let left = chunk.len() - written;
            *slice = chunk.ready(written);
            if slice.len() < left {
                return;
            }
            written = 0;
        }
        if let Some(slice) = slices.next() {
            *slice = &self.bytes;
        }
    }

    /// Encodes the next fragments, if they come first. Bytes that are already encoded stay unchanged, so that
    /// a copy of them can be written later.
    fn encode_fragments(&mut self) {
        let Some(first) = self.chunks.front_mut() else { return };
        let Some(fragments) = first.fragments() else { return };
        let piece = Chunk::Bytes(fragments.encode());
        if fragments.is_encoded() {
            *first = piece;
        } else {
            self.chunks.push_front(piece);
        }
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
        // Masks and encodes what comes first, for callers that have not asked for it.
        let _: [&[u8]; 2] = self.pending();
        let mut left = len;
        while let Some(chunk) = self.chunks.front() {
            let ready = chunk.ready_len(self.written).min(left);
            if ready == 0 {
                return len - left;
            }
            self.advance_chunk(ready);
            left -= ready;
        }
        self.release_chunks();
        let ready = left.min(self.bytes.len());
        self.written = ready;
        self.release_written();
        len - left + ready
    }

    /// Drops bytes of the first chunk, and the chunk with its last byte.
    fn advance_chunk(&mut self, len: usize) {
        self.written += len;
        self.queued -= len;
        if self.chunks.front().is_some_and(|chunk| self.written < chunk.len()) {
            return;
        }
        self.written = 0;
        let Some(Chunk::Bytes(mut bytes)) = self.chunks.pop_front() else { return };
        bytes.clear();
        if let Some(fragments) = self.chunks.front_mut().and_then(Chunk::fragments) {
            fragments.reuse(bytes);
        } else if self.bytes.capacity() == 0 && bytes.capacity() < LARGE {
            // Reuse the memory of headers and small frames, never that of a payload.
            self.bytes = bytes;
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
        self.release_chunks();
        self.queued = 0;
        self.reset();
    }

    /// Releases the memory of an empty list of chunks that was long.
    fn release_chunks(&mut self) {
        if self.chunks.capacity() > MAX_EMPTY_CHUNKS {
            self.chunks = VecDeque::new();
        }
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
mod tests;
