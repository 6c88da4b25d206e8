//! Incremental UTF-8 validation, which fails at the first byte that cannot be valid (RFC 6455
//! section 8.1).
//!
//! ```
//! use wsproto::utf8::Utf8;
//!
//! let mut utf8 = Utf8::new();
//! assert_eq!(utf8.push(b"10 \xE2\x82")?, (None, "10 "));
//! assert_eq!(utf8.push(b"\xAC!")?, (Some('€'), "!"));
//! utf8.finish()?;
//! # Ok::<(), wsproto::utf8::InvalidUtf8>(())
//! ```

use core::str;

use ascii::AsAsciiStr;

/// The length in bytes from which `simdutf8` is faster than the standard library, and `ascii` slower.
const WIDE: usize = 64;

/// The bytes are not valid UTF-8, whatever may follow them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("invalid UTF-8")]
pub struct InvalidUtf8;

/// A validator of text that arrives in parts, cut anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utf8 {
    /// The bytes of the incomplete character at the end of the last part, terminated by a zero: no
    /// byte of a multi-byte character is zero.
    begun: [u8; 3],
}

impl Utf8 {
    /// Creates a validator at the start of a text.
    #[must_use]
    pub const fn new() -> Self {
        Self { begun: [0; 3] }
    }

    /// Validates the next part. Returns the character that the last part began and this one
    /// completes, and the text after it; an incomplete character at the end of this part is kept
    /// for the next.
    ///
    /// # Errors
    ///
    /// [`InvalidUtf8`] if no continuation can make the text valid.
    #[inline]
    pub fn push<'a>(&mut self, part: &'a [u8]) -> Result<(Option<char>, &'a str), InvalidUtf8> {
        let (character, part) =
            if self.is_complete() { (None, part) } else { self.complete(part)? };
        let (whole, begun) = split_last_character(part);
        let text = text(whole)?;
        if !begun.is_empty() {
            self.begin(begun)?;
        }
        Ok((character, text))
    }

    /// Ends the text.
    ///
    /// # Errors
    ///
    /// [`InvalidUtf8`] if the last character is incomplete.
    #[inline]
    pub const fn finish(&self) -> Result<(), InvalidUtf8> {
        if self.is_complete() { Ok(()) } else { Err(InvalidUtf8) }
    }

    /// Returns whether the text so far ends with a whole character.
    #[inline]
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.begun[0] == 0
    }

    /// Returns how many bytes the incomplete character still needs: 0 to 3.
    #[must_use]
    pub fn missing(&self) -> usize {
        let [lead, ..] = self.begun;
        if lead == 0 { 0 } else { width(lead) - self.begun().len() }
    }

    /// Returns the bytes of the incomplete character: 0 to 3.
    #[must_use]
    pub fn begun(&self) -> &[u8] {
        let len = self.begun.iter().take_while(|byte| **byte != 0).count();
        self.begun.split_at(len).0
    }

    /// Takes bytes from the front of `part` until the incomplete character is complete.
    fn complete<'a>(&mut self, part: &'a [u8]) -> Result<(Option<char>, &'a [u8]), InvalidUtf8> {
        let (missing, after) = part.split_at(self.missing().min(part.len()));
        let mut bytes = [0; 4];
        for (to, from) in bytes.iter_mut().zip(self.begun().iter().chain(missing)) {
            *to = *from;
        }
        let bytes = bytes.split_at(self.begun().len() + missing.len()).0;
        if missing.len() < self.missing() {
            self.begin(bytes)?;
            return Ok((None, after));
        }
        let text = str::from_utf8(bytes).map_err(|_| InvalidUtf8)?;
        *self = Self::new();
        Ok((text.chars().next(), after))
    }

    /// Keeps the incomplete character `bytes`, at most three of them.
    fn begin(&mut self, bytes: &[u8]) -> Result<(), InvalidUtf8> {
        // `from_utf8` distinguishes an incomplete sequence from an invalid one.
        match str::from_utf8(bytes) {
            Err(error) if error.error_len().is_none() => {
                self.begun = [0; 3];
                for (to, from) in self.begun.iter_mut().zip(bytes) {
                    *to = *from;
                }
                Ok(())
            }
            _ => Err(InvalidUtf8),
        }
    }
}

/// Validates a complete text.
///
/// # Errors
///
/// [`InvalidUtf8`] if the text is invalid or incomplete.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Result<&str, InvalidUtf8> {
    #[cfg(feature = "simd")]
    if bytes.len() >= WIDE {
        return simdutf8::basic::from_utf8(bytes).map_err(|_| InvalidUtf8);
    }
    str::from_utf8(bytes).map_err(|_| InvalidUtf8)
}

/// Returns whether the text is short enough for [`ascii`] to be faster, and ASCII.
#[inline]
pub(crate) fn is_short_ascii(bytes: &[u8]) -> bool {
    bytes.len() < WIDE && bytes.is_ascii()
}

/// Validates a complete text, as [`text`] does, but is fastest if it is short and ASCII.
///
/// # Errors
///
/// As [`text`].
#[inline]
pub(crate) fn ascii(bytes: &[u8]) -> Result<&str, InvalidUtf8> {
    if bytes.len() < WIDE
        && let Ok(text) = bytes.as_ascii_str()
    {
        return Ok(text.as_str());
    }
    str::from_utf8(bytes).map_err(|_| InvalidUtf8)
}

/// Returns the length in bytes of a character that begins with `lead`.
const fn width(lead: u8) -> usize {
    match lead {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    }
}

/// Splits off the last character of `part` if it is incomplete.
#[inline]
fn split_last_character(part: &[u8]) -> (&[u8], &[u8]) {
    for back in 1..=part.len().min(3) {
        let Some((whole, begun)) = part.split_at_checked(part.len() - back) else { break };
        match begun {
            [0x80..0xC0, ..] => {}
            [lead, ..] if width(*lead) > back => return (whole, begun),
            _ => break,
        }
    }
    (part, &[])
}
