//! The size of a sliding window, as it is negotiated.

use core::fmt;

/// The size of a sliding window: 2 to this power bytes, 8 to 15 (RFC 7692 section 7.1.2).
///
/// ```
/// use wsproto::WindowBits;
///
/// assert_eq!(WindowBits::new(12).map(WindowBits::bytes), Some(4096));
/// assert_eq!(WindowBits::new(16), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes.
    pub const MIN: Self = Self(8);
    /// 32 KiB, the size without an agreement.
    pub const MAX: Self = Self(15);
    /// 4 KiB.
    pub(crate) const DEFAULT: Self = Self(12);

    /// Creates a window size; `None` outside 8 to 15.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// Parses the value of a parameter: a decimal number without leading zeros.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        match value.as_bytes() {
            [digit @ b'8'..=b'9'] => Some(Self(digit - b'0')),
            [b'1', digit @ b'0'..=b'5'] => Some(Self(10 + digit - b'0')),
            _ => None,
        }
    }

    /// Returns the power, 8 to 15.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns the size in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        1 << self.0
    }
}

/// Writes the power, as in a parameter's value.
impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_number_in_its_shortest_form() {
        for bits in 0..=u8::MAX {
            let text = alloc::format!("{bits}");
            assert_eq!(WindowBits::parse(&text), WindowBits::new(bits), "{bits}");
        }
        for text in ["", "08", "015", "+9", "-9", "9.0", " 9", "1000", "1e1", "0x9", "\u{669}"] {
            assert_eq!(WindowBits::parse(text), None, "{text}");
        }
    }
}
