//! UTF-8 by comparison with the table of the Unicode standard.
use std::ops::RangeInclusive;

/// Unicode's table 3-7, "Well-Formed UTF-8 Byte Sequences": one row per type of sequence, one range
/// per byte.
static WELL_FORMED: [&[RangeInclusive<u8>]; 9] = [
    &[0x00..=0x7F],
    &[0xC2..=0xDF, 0x80..=0xBF],
    &[0xE0..=0xE0, 0xA0..=0xBF, 0x80..=0xBF],
    &[0xE1..=0xEC, 0x80..=0xBF, 0x80..=0xBF],
    &[0xED..=0xED, 0x80..=0x9F, 0x80..=0xBF],
    &[0xEE..=0xEF, 0x80..=0xBF, 0x80..=0xBF],
    &[0xF0..=0xF0, 0x90..=0xBF, 0x80..=0xBF, 0x80..=0xBF],
    &[0xF1..=0xF3, 0x80..=0xBF, 0x80..=0xBF, 0x80..=0xBF],
    &[0xF4..=0xF4, 0x80..=0x8F, 0x80..=0xBF, 0x80..=0xBF],
];

/// The meaning of one or more bytes in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sequence {
    /// Exactly one character.
    Whole,
    /// The beginning of a character that more bytes can complete.
    Begun,
    /// Ill-formed: no continuation makes this a character.
    IllFormed,
}

/// Compares `bytes` with every row of the table.
pub(super) fn sequence(bytes: &[u8]) -> Sequence {
    for row in &WELL_FORMED {
        if bytes.len() <= row.len()
            && bytes.iter().zip(*row).all(|(byte, range)| range.contains(byte))
        {
            return if bytes.len() == row.len() { Sequence::Whole } else { Sequence::Begun };
        }
    }
    Sequence::IllFormed
}

/// Returns whether `bytes` are whole characters and nothing else.
pub(super) fn is_utf8(bytes: &[u8]) -> bool {
    let mut begun = Vec::new();
    for &byte in bytes {
        begun.push(byte);
        match sequence(&begun) {
            Sequence::Whole => begun.clear(),
            Sequence::Begun => {}
            Sequence::IllFormed => return false,
        }
    }
    begun.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the standard library's classification of one or more bytes.
    fn sequence_by_std(bytes: &[u8]) -> Sequence {
        match core::str::from_utf8(bytes) {
            Ok(text) if text.chars().count() == 1 => Sequence::Whole,
            Err(error) if error.valid_up_to() == 0 && error.error_len().is_none() => {
                Sequence::Begun
            }
            Ok(_) | Err(_) => Sequence::IllFormed,
        }
    }

    fn agrees(bytes: &[u8]) {
        assert_eq!(sequence(bytes), sequence_by_std(bytes), "{bytes:02X?}");
        assert_eq!(is_utf8(bytes), core::str::from_utf8(bytes).is_ok(), "{bytes:02X?}");
    }

    #[test]
    fn utf8_agrees_with_std_on_every_sequence_of_up_to_three_bytes() {
        assert!(is_utf8(&[]));
        for first in 0..=u8::MAX {
            agrees(&[first]);
            for second in 0..=u8::MAX {
                agrees(&[first, second]);
                // After a first byte that is a character, three bytes reduce to two.
                let thirds = if first.is_ascii() { 0..=0 } else { 0..=u8::MAX };
                for third in thirds {
                    agrees(&[first, second, third]);
                }
            }
        }
    }

    #[test]
    fn utf8_agrees_with_std_on_four_bytes_around_every_edge() {
        // Both sides of every limit in the table.
        const EDGES: [u8; 28] = [
            0x00, 0x41, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0, 0xBE, 0xBF, 0xC0, 0xC1, 0xC2,
            0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFE, 0xFF,
        ];
        for first in EDGES {
            for second in EDGES {
                for third in EDGES {
                    for fourth in EDGES {
                        agrees(&[first, second, third, fourth]);
                    }
                }
            }
        }
    }

    #[test]
    fn utf8_accepts_every_character() {
        for character in '\0'..=char::MAX {
            assert!(is_utf8(character.encode_utf8(&mut [0; 4]).as_bytes()), "{character:?}");
        }
    }
}
