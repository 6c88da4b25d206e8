//! Codec states that a loop lends to its connections.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::deflater::Deflater;
use super::inflater::Inflater;

/// How many compressors a set keeps: one for each level and window in use.
const MOST_DEFLATERS: usize = 8;

/// The codec states that the connections of one thread share: some 110 KB to inflate, and 400 KB to
/// deflate for each window in use. Empty until they are used.
///
/// [Lend](crate::Connection::lend_tools) them before a connection receives or sends, and
/// [reclaim](crate::Connection::reclaim_tools) them afterwards. A connection that finds none makes
/// its own and drops them at once, which costs it some 10 us.
#[derive(Debug, Default)]
pub struct DeflateTools {
    pub(super) inflater: Option<Box<Inflater>>,
    #[allow(clippy::vec_box, reason = "the boxes move to connections and back")]
    deflaters: Vec<Box<Deflater>>,
}

impl DeflateTools {
    /// Creates an empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { inflater: None, deflaters: Vec::new() }
    }

    /// Takes out the compressor of that level and window.
    pub(super) fn take_deflater(&mut self, level: u8, window_bits: u8) -> Option<Box<Deflater>> {
        let at = self.deflaters.iter().position(|tool| tool.fits(level, window_bits))?;
        Some(self.deflaters.swap_remove(at))
    }

    /// Puts a compressor back. If there are too many, drops the one returned the longest ago.
    pub(super) fn put_deflater(&mut self, deflater: Box<Deflater>) {
        if self.deflaters.len() >= MOST_DEFLATERS {
            self.deflaters.remove(0);
        }
        self.deflaters.push(deflater);
    }
}
