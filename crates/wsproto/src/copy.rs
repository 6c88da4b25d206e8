//! Copies in parts.

use alloc::string::String;
use alloc::vec::Vec;

/// How many bytes are copied at once. C libraries copy more with a single instruction, and on some processors that
/// takes twenty times as long at certain distances, modulo 4096, between source and destination. Buffers of whole pages
/// often meet the same distance in each message, or in each read of one.
const AT_ONCE: usize = 2 << 10;

/// Appends `bytes` to `out`.
#[inline]
pub(crate) fn append(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.len() <= AT_ONCE {
        return out.extend_from_slice(bytes);
    }
    append_long(bytes, out);
}

/// Appends `text` to `out`.
#[inline]
pub(crate) fn append_text(text: &str, out: &mut String) {
    if text.len() <= AT_ONCE {
        return out.push_str(text);
    }
    append_long_text(text, out);
}

#[inline(never)]
fn append_long(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len());
    for part in bytes.chunks(AT_ONCE) {
        out.extend_from_slice(part);
    }
}

#[inline(never)]
fn append_long_text(mut text: &str, out: &mut String) {
    out.reserve(text.len());
    // A character has at most four bytes, so one of four positions is between two of them.
    while let Some((part, rest)) =
        (AT_ONCE - 3..=AT_ONCE).rev().find_map(|at| text.split_at_checked(at))
    {
        out.push_str(part);
        text = rest;
    }
    out.push_str(text);
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn all_of_it_is_appended() {
        for len in (0..4 * AT_ONCE).step_by(97).chain(AT_ONCE - 4..AT_ONCE + 4) {
            for before in ["", "a", "ab", "abc"] {
                let text = format!("{before}{}", "\u{10000}".repeat(len / 4));
                let mut copy = String::from("x");
                append_text(&text, &mut copy);
                assert_eq!(copy, format!("x{text}"));
                let mut copy = b"x".to_vec();
                append(text.as_bytes(), &mut copy);
                assert_eq!(copy, format!("x{text}").as_bytes());
            }
        }
    }
}
