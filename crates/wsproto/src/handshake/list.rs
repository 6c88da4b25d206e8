//! Tokens and comma-separated lists (RFC 9110 sections 5.6.1 and 5.6.2).

/// Returns whether `text` is a token. Subprotocols use the same characters (RFC 6455 section 4.1).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

#[inline]
pub(super) fn is_token_byte(byte: u8) -> bool {
    /// A bit for each ASCII character.
    const TOKEN: u128 = {
        let (mut bits, mut byte) = (0, 0);
        while byte < 128 {
            if may_stand_in_token(byte) {
                bits |= 1 << byte;
            }
            byte += 1;
        }
        bits
    };
    byte.is_ascii() && TOKEN >> byte & 1 != 0
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

/// Returns the elements of a list without quoted strings, with white space around them removed.
/// Empty elements are ignored (RFC 9110 section 5.6.1.2).
pub(super) fn elements(value: &str) -> impl Iterator<Item = &str> {
    let elements = value.split(',').map(|element| element.trim_matches([' ', '\t']));
    elements.filter(|element| !element.is_empty())
}
