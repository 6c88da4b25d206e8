//! The bytes that are allowed in the lines of a head, examined a word at a time.

/// How many bytes are examined at a time.
const WORD: usize = 8;

/// Returns how many bytes at the front are allowed in a field value: all but control characters (RFC
/// 9110 section 5.5).
pub(super) fn text_len(bytes: &[u8]) -> usize {
    prefix_len(bytes, controls)
}

/// Returns how many bytes at the front are allowed in a request line: ASCII without control characters.
pub(super) fn ascii_text_len(bytes: &[u8]) -> usize {
    prefix_len(bytes, |word| controls(word) | word & every(0x80))
}

/// Returns how many bytes are in front of the first one that `wrong` marks.
#[inline]
fn prefix_len(bytes: &[u8], wrong: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = bytes.as_chunks::<WORD>();
    let mut len = 0;
    for word in words {
        let wrong = wrong(u64::from_le_bytes(*word));
        if wrong != 0 {
            return len + first_marked(wrong);
        }
        len += WORD;
    }
    len + rest.iter().take_while(|byte| wrong(u64::from(**byte) | TEXT_BEHIND) == 0).count()
}

/// Seven allowed bytes, after one to examine.
const TEXT_BEHIND: u64 = every(b' ') << 8;

/// Returns the index of the first byte whose highest bit is set.
const fn first_marked(word: u64) -> usize {
    word.trailing_zeros() as usize / WORD
}

/// Returns a word that consists of this byte.
const fn every(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; WORD])
}

/// Sets the highest bit of each byte that is a control character other than a tab, and no other bit. No
/// sum below exceeds its byte.
const fn controls(word: u64) -> u64 {
    let low = word & every(0x7F);
    let printable = low + every(0x80 - b' ');
    let delete = low + every(1);
    let not_tab = (low ^ every(b'\t')) + every(0x7F);
    (!printable & not_tab | delete) & !word & every(0x80)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn is_text(byte: u8) -> bool {
        matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
    }

    // Every byte, at every place of lines of any length.
    #[test]
    fn the_first_wrong_byte_is_found_wherever_it_is() {
        for len in 0..40 {
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    for other in [b'a', b'\t', 0xFF] {
                        let mut line = vec![other; len];
                        if let Some(place) = line.get_mut(at) {
                            *place = byte;
                        }
                        // Bytes after the first wrong one make no difference.
                        line.extend_from_slice(b"\r\n\0\x7F");
                        let found = text_len(&line);
                        assert_eq!(found, if is_text(byte) { len } else { at }, "{line:?}");
                        let wrong = |byte: &u8| !is_text(*byte) || !byte.is_ascii();
                        let first = line.iter().position(wrong);
                        assert_eq!(Some(ascii_text_len(&line)), first, "{line:?}");
                    }
                }
            }
        }
    }
}
