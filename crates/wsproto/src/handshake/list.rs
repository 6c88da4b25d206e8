//! Tokens and comma-separated lists (RFC 9110 sections 5.6.1 and 5.6.2).

use core::str;

/// Returns whether `text` is a token. Subprotocols use the same characters (RFC 6455 section 4.1).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

#[inline]
pub(super) fn is_token_byte(byte: u8) -> bool {
    /// Whether each byte may stand in a token.
    const TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let (mut rest, mut byte) = (table.as_mut_slice(), 0);
        while let [place, more @ ..] = rest {
            *place = may_stand_in_token(byte);
            (rest, byte) = (more, byte.wrapping_add(1));
        }
        table
    };
    TOKEN.get(usize::from(byte)) == Some(&true)
}

/// Returns how many bytes at the front may stand in a token.
pub(super) fn token_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_token_byte(**byte)).count()
}

const fn may_stand_in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Returns the elements of a list, as [`byte_elements`] does.
pub(super) fn elements(value: &str) -> impl Iterator<Item = &str> {
    // Text that is cut at commas and white space stays text.
    byte_elements(value.as_bytes()).filter_map(|element| str::from_utf8(element).ok())
}

/// Returns the elements of a list without quoted strings, with white space around them removed.
/// Empty elements are ignored (RFC 9110 section 5.6.1.2).
fn byte_elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let elements = value.split(|byte| *byte == b',').map(trim_space);
    elements.filter(|element| !element.is_empty())
}

/// Returns whether a list contains the element, ignoring case. A value with a quoted string, which the
/// lists of tokens do not have, contains nothing.
pub(super) fn list_contains(value: &[u8], element: &[u8]) -> bool {
    value.eq_ignore_ascii_case(element)
        || !value.contains(&b'"') && byte_elements(value).any(|e| e.eq_ignore_ascii_case(element))
}

/// Returns whether all elements of a list are tokens.
pub(super) fn all_tokens(value: &[u8]) -> bool {
    byte_elements(value).all(|element| token_len(element) == element.len())
}

/// Removes the white space around a value (RFC 9110 section 5.6.3).
#[inline]
pub(super) fn trim_space(value: &[u8]) -> &[u8] {
    let value = value.strip_prefix(b" ").unwrap_or(value);
    match value {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => trim(value, b" \t"),
        _ => value,
    }
}

/// Removes all bytes in `set` from both ends.
pub(super) fn trim<'a>(mut value: &'a [u8], set: &[u8]) -> &'a [u8] {
    while let [first, rest @ ..] = value
        && set.contains(first)
    {
        value = rest;
    }
    while let [rest @ .., last] = value
        && set.contains(last)
    {
        value = rest;
    }
    value
}
