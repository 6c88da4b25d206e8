//! A compressed message that is handed out in pieces, in constant memory.

use alloc::vec::Vec;
use core::{fmt, mem};

use super::inflater::Progress;
use crate::utf8::Utf8;

/// The longest piece, in bytes.
pub(super) const PIECE: usize = 16 << 10;

/// How many compressed bytes are taken from the input at a time.
pub(crate) const AT_ONCE: usize = 4 << 10;

/// A message of which pieces are handed out.
#[derive(Default)]
pub(super) struct Stream {
    /// Compressed bytes that are not inflated yet, from `taken` on.
    bytes: Vec<u8>,
    taken: usize,
    /// Whether the inflater may have more output without more input.
    pub(super) full: bool,
    pub(super) progress: Progress,
    pub(super) utf8: Utf8,
    pub(super) written: u64,
}

impl Stream {
    /// Adds compressed bytes.
    pub(super) fn push(&mut self, bytes: Vec<u8>) {
        if self.taken >= self.bytes.len() {
            (self.bytes, self.taken) = (bytes, 0);
        } else {
            self.bytes.extend_from_slice(&bytes);
        }
    }

    /// Returns whether bytes can be inflated without more input.
    pub(super) const fn has_more(&self) -> bool {
        self.full || self.taken < self.bytes.len()
    }

    /// Takes out the compressed bytes; [`keep`](Self::keep) puts back the rest of them.
    pub(super) fn take(&mut self) -> (Vec<u8>, usize) {
        (mem::take(&mut self.bytes), mem::take(&mut self.taken))
    }

    /// Puts back the last `left` of the bytes taken out.
    pub(super) fn keep(&mut self, bytes: Vec<u8>, left: usize) {
        if left > 0 {
            self.taken = bytes.len() - left;
            self.bytes = bytes;
        }
    }
}

/// Shows lengths, not bytes.
impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.bytes.len() - self.taken;
        let mut shown = f.debug_struct("Stream");
        shown.field("waiting", &waiting).field("written", &self.written).finish_non_exhaustive()
    }
}
