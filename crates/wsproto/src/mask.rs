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

/// The payload length in bytes from which runtime feature detection pays off.
const LONG: usize = 128;

/// The payload length in bytes from which it pays off to mask up to the next cache line first, so
/// that the rest is aligned.
const LINES: usize = 2048;

/// The size of a cache line in bytes.
const LINE: usize = 64;

/// The bits that no word of ASCII has.
const NOT_ASCII: u64 = u64::from_ne_bytes([0x80; 8]);

/// How many bytes are masked at once while appending.
const BLOCK: usize = 512;

/// A masking key, and the position in the payload up to which it was applied.
///
/// A payload may be masked in parts of any length, in order; masking and unmasking are the same
/// operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Little-endian, rotated so that the lowest byte applies to the next byte of the payload.
    key: u32,
}

impl Mask {
    /// Creates a mask at the start of a payload.
    #[inline]
    #[must_use]
    pub const fn new(key: [u8; 4]) -> Self {
        Self { key: u32::from_le_bytes(key) }
    }

    /// Masks or unmasks the next bytes of the payload in place.
    #[inline(always)]
    pub fn apply(&mut self, payload: &mut [u8]) {
        if payload.len() < LONG {
            xor(payload, self.key);
        } else {
            xor_long(payload, self.key);
        }
        self.skip(payload.len());
    }

    /// Unmasks a whole payload in place. Returns true only if all its bytes are ASCII, and false
    /// without looking at them if it is long.
    #[inline(always)]
    pub(crate) fn apply_and_find_ascii(self, payload: &mut [u8]) -> bool {
        if payload.len() < LONG {
            return xor(payload, self.key) & NOT_ASCII == 0;
        }
        xor_long(payload, self.key);
        false
    }

    /// Appends the next bytes of the payload to `out`, masked or unmasked.
    #[inline]
    pub fn append(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if payload.len() < BLOCK {
            append(payload, self.key, out);
        } else {
            append_long(payload, self.key, out);
        }
        self.skip(payload.len());
    }

    /// Skips the next bytes of the payload.
    #[inline]
    pub(crate) fn skip(&mut self, len: usize) {
        self.key = rotated(self.key, len);
    }
}

/// Returns the key as it applies `len` bytes later.
#[inline]
fn rotated(key: u32, len: usize) -> u32 {
    key.rotate_right(8 * u32::try_from(len % 4).unwrap_or(0))
}

#[inline]
fn append(payload: &[u8], key: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(copied) = out.get_mut(start..) {
        xor(copied, key);
    }
}

#[inline(never)]
fn append_long(payload: &[u8], key: u32, out: &mut Vec<u8>) {
    out.reserve(payload.len());
    let to_line = match out.spare_capacity_mut() {
        spare if payload.len() >= LINES => spare.as_ptr().align_offset(LINE),
        _ => 0,
    };
    let (head, lines) = payload.split_at(to_line.min(payload.len()));
    if !head.is_empty() {
        append(head, key, out);
    }
    let key = rotated(key, head.len());
    widest(
        #[inline(always)]
        || {
            let (blocks, rest) = lines.as_chunks::<BLOCK>();
            let mut masked = [0; BLOCK];
            for block in blocks {
                xor_into(block, key, &mut masked);
                out.extend_from_slice(&masked);
            }
            if !rest.is_empty() {
                append(rest, key, out);
            }
        },
    );
}

/// Masks one block into another.
#[inline(always)]
fn xor_into(from: &[u8; BLOCK], key: u32, to: &mut [u8; BLOCK]) {
    let double = u64::from(key) << 32 | u64::from(key);
    for (from, to) in from.as_chunks::<32>().0.iter().zip(to.as_chunks_mut::<32>().0) {
        for (from, to) in from.as_chunks::<8>().0.iter().zip(to.as_chunks_mut::<8>().0) {
            *to = (u64::from_le_bytes(*from) ^ double).to_le_bytes();
        }
    }
}

#[inline(never)]
fn xor_long(payload: &mut [u8], key: u32) {
    let to_line = if payload.len() < LINES { 0 } else { payload.as_ptr().align_offset(LINE) };
    let (head, lines) = payload.split_at_mut(to_line.min(payload.len()));
    xor(head, key);
    let key = rotated(key, head.len());
    widest(
        #[inline(always)]
        || {
            xor(lines, key);
        },
    );
}

/// Runs `work` compiled for the widest registers this processor has; without the feature `simd`,
/// for those that every processor of the target has.
#[inline(always)]
fn widest(work: impl FnOnce()) {
    #[cfg(feature = "simd")]
    fearless_simd::dispatch!(fearless_simd::Level::new(), _ => work());
    #[cfg(not(feature = "simd"))]
    work();
}

/// Masks `payload` in place. Returns the bits that are set in any byte of the result, at any
/// position in the word.
// Inlined into its callers, or it would be compiled only once, for the narrowest registers.
#[inline(always)]
fn xor(payload: &mut [u8], key: u32) -> u64 {
    let double = u64::from(key) << 32 | u64::from(key);
    let mut bits = 0;
    let mut xor_word = |bytes: &mut [u8; 8]| {
        let word = u64::from_le_bytes(*bytes) ^ double;
        bits |= word;
        *bytes = word.to_le_bytes();
    };

    let (blocks, rest) = payload.as_chunks_mut::<32>();
    for block in blocks {
        block.as_chunks_mut::<8>().0.iter_mut().for_each(&mut xor_word);
    }
    // At most one of each is left: a branch takes fewer instructions than a loop.
    let (halves, rest) = rest.as_chunks_mut::<16>();
    if let [half] = halves {
        half.as_chunks_mut::<8>().0.iter_mut().for_each(&mut xor_word);
    }
    let (doubles, rest) = rest.as_chunks_mut::<8>();
    if let [bytes] = doubles {
        xor_word(bytes);
    }
    let (words, rest) = rest.as_chunks_mut::<4>();
    if let [bytes] = words {
        let word = u32::from_le_bytes(*bytes) ^ key;
        bits |= u64::from(word);
        *bytes = word.to_le_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.to_le_bytes()) {
        *byte ^= key;
        bits |= u64::from(*byte);
    }
    bits
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn ascii_is_found_while_unmasking() {
        let key = [0x9A, 0x05, 0xC3, 0x70];
        for len in 0..=LONG {
            // All ASCII, and with one other byte at each position.
            for other in (0..=len).rev() {
                let mut plain = vec![b'a'; len];
                if let Some(byte) = plain.get_mut(other) {
                    *byte = 0x80;
                }
                let mut masked = plain.clone();
                Mask::new(key).apply(&mut masked);
                let found = Mask::new(key).apply_and_find_ascii(&mut masked);
                assert_eq!(masked, plain);
                assert_eq!(found, other == len && len < LONG, "{len} bytes, {other}");
            }
        }
    }
}
