//! A compressor, and the buffer it writes to.

use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

use zlib_rs::{DeflateConfig, DeflateFlush, Status};

use super::ring::Ring;

/// How much of the buffer is kept between messages, in bytes.
const KEEP: usize = 64 << 10;

/// Names a moment of a connection's stream: a compressor that carries the same stamp is in the
/// state of that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    stream: usize,
    moment: usize,
}

impl Stamp {
    /// The stamp of no moment.
    const NONE: Self = Self { stream: 0, moment: 0 };

    /// The stamp of a compressor that has nothing to refer to.
    const EMPTY: Self = Self { stream: 0, moment: 1 };

    /// Names the beginning of a new stream.
    pub(super) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        Self { stream: NEXT.fetch_add(1, Ordering::Relaxed), moment: 0 }
    }

    /// Moves on: no compressor is in the state of the new moment yet.
    pub(super) const fn advance(&mut self) {
        self.moment = self.moment.wrapping_add(1);
    }
}

/// Whether the bytes that follow may refer to those before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Remember,
    /// To forget while flushing costs less than [`Deflater::clear`].
    Forget,
}

/// A compressor for one level and window, and the moment whose state it holds.
pub(super) struct Deflater {
    state: zlib_rs::Deflate,
    level: u8,
    window_bits: u8,
    stamp: Stamp,
    out: Vec<u8>,
}

impl Deflater {
    /// Creates a compressor; `window_bits` is 9 to 15, because the backend has none of 8.
    pub(super) fn new(level: u8, window_bits: u8) -> Self {
        let config = DeflateConfig {
            window_bits: -i32::from(window_bits.clamp(9, 15)),
            level: i32::from(level.clamp(1, 9)),
            ..DeflateConfig::default()
        };
        let state = zlib_rs::Deflate::new_with_config(config);
        Self { state, level, window_bits, stamp: Stamp::EMPTY, out: Vec::new() }
    }

    pub(super) const fn fits(&self, level: u8, window_bits: u8) -> bool {
        self.level == level && self.window_bits == window_bits
    }

    /// Forgets everything that was compressed.
    pub(super) fn clear(&mut self) {
        if self.stamp != Stamp::EMPTY {
            self.state.reset();
            self.stamp = Stamp::EMPTY;
        }
    }

    /// Brings the compressor to the state of `stamp`, after the bytes in `window`.
    pub(super) fn load(&mut self, window: &Ring, stamp: Stamp) {
        if self.stamp == stamp {
            return;
        }
        self.clear();
        for part in window.parts() {
            if !part.is_empty() {
                // A raw stream accepts any dictionary between two blocks.
                let _ = self.state.set_dictionary(part);
            }
        }
    }

    /// Declares the state to be that of `stamp`.
    pub(super) const fn mark(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }

    /// Compresses `bytes` up to a flush, whose last four bytes are [`TAIL`](super::TAIL). Returns
    /// `None` if that takes more than `most` bytes; the state is then lost.
    pub(super) fn compress(&mut self, bytes: &[u8], most: usize, then: Then) -> Option<&[u8]> {
        self.stamp = Stamp::NONE;
        let flush = match then {
            Then::Remember => DeflateFlush::SyncFlush,
            Then::Forget => DeflateFlush::FullFlush,
        };
        let (mut rest, mut written) = (bytes, 0);
        loop {
            // The buffer grows with the output, which is mostly a small part of the input.
            let more = rest.len().saturating_add(64).min(written.max(KEEP));
            let want = written.saturating_add(more);
            // One byte more tells a full buffer from a flush that is not complete.
            let len =
                want.min(most.saturating_add(1)).max(self.out.len().min(most.saturating_add(1)));
            if self.out.len() < len {
                self.out.resize(len, 0);
            }
            let (read_before, written_before) = (self.state.total_in(), self.state.total_out());
            let room = self.out.get_mut(written..len).unwrap_or_default();
            let full = room.len();
            let status = self.state.compress(rest, room, flush);
            let read = usize::try_from(self.state.total_in() - read_before).ok()?;
            let made = usize::try_from(self.state.total_out() - written_before).ok()?;
            rest = rest.get(read..)?;
            written += made;
            match status {
                Ok(Status::Ok | Status::BufError) if made < full && rest.is_empty() => break,
                Ok(Status::Ok) if written <= most => {}
                _ => return None,
            }
        }
        if written > most {
            return None;
        }
        if then == Then::Forget {
            self.stamp = Stamp::EMPTY;
        }
        self.out.get(..written)
    }

    /// Releases a buffer that a long message made large.
    pub(super) fn shrink(&mut self) {
        if self.out.len() > KEEP {
            self.out = Vec::new();
        }
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater")
            .field("level", &self.level)
            .field("window_bits", &self.window_bits)
            .finish_non_exhaustive()
    }
}
