//! Masking: byte *i* of a payload is XORed with byte *i* mod 4 of the key (RFC 6455 section 5.3).
//!
//! ```
//! use wsproto::mask::Mask;
//!
//! let mut payload = *b"Hello";
//! Mask::new([0x37, 0xfa, 0x21, 0x3d]).apply(&mut payload);
//! assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
//! ```

use alloc::vec::Vec;

/// Bytes copied before they are masked: small enough to still be in the first-level cache.
const BLOCK: usize = 4096;

/// A masking key and how much of the payload it was already applied to.
///
/// A payload may be masked in parts of any length, one after the other; masking and unmasking are
/// the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Little-endian, and rotated so that the lowest byte is for the next byte of the payload.
    key: u32,
}

impl Mask {
    /// Begins a payload that is masked with `key`.
    #[inline]
    #[must_use]
    pub const fn new(key: [u8; 4]) -> Self {
        Self { key: u32::from_le_bytes(key) }
    }

    /// Masks or unmasks the next bytes of the payload in place.
    #[inline]
    pub fn apply(&mut self, payload: &mut [u8]) {
        xor(payload, self.key);
        self.skip(payload.len());
    }

    /// Appends the next bytes of the payload to `out`, masked or unmasked.
    #[inline]
    pub fn append(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        out.reserve(payload.len());
        for block in payload.chunks(BLOCK) {
            let start = out.len();
            out.extend_from_slice(block);
            if let Some(copied) = out.get_mut(start..) {
                // A block is a multiple of four bytes long, so all of them begin in the same phase.
                xor(copied, self.key);
            }
        }
        self.skip(payload.len());
    }

    /// Passes over the next bytes of the payload.
    #[inline]
    pub(crate) fn skip(&mut self, len: usize) {
        self.key = self.key.rotate_right(8 * u32::try_from(len % 4).unwrap_or(0));
    }
}

#[inline]
fn xor(payload: &mut [u8], key: u32) {
    let double = u64::from(key) << 32 | u64::from(key);

    let (blocks, rest) = payload.as_chunks_mut::<32>();
    for block in blocks {
        for bytes in block.as_chunks_mut::<8>().0 {
            *bytes = (u64::from_le_bytes(*bytes) ^ double).to_le_bytes();
        }
    }
    let (doubles, rest) = rest.as_chunks_mut::<8>();
    for bytes in doubles {
        *bytes = (u64::from_le_bytes(*bytes) ^ double).to_le_bytes();
    }
    let (words, rest) = rest.as_chunks_mut::<4>();
    for bytes in words {
        *bytes = (u32::from_le_bytes(*bytes) ^ key).to_le_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.to_le_bytes()) {
        *byte ^= key;
    }
}
