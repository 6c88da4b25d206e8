//! Where an HTTP head ends, found without looking at any byte twice (promise I9).

use crate::Config;

/// Why a head is refused before it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum HeadError {
    /// A byte that has no place in a head: outside ASCII, a control character, a CR or LF alone, a
    /// folded line.
    #[error("invalid byte in the head")]
    InvalidByte,
    /// The first line alone is longer than [`Config::max_head_size`].
    #[error("first line too long")]
    FirstLineTooLong,
    /// The head is longer than [`Config::max_head_size`].
    #[error("head too long")]
    TooLong,
    /// There are more than [`Config::max_headers`] header fields.
    #[error("too many header fields")]
    TooManyFields,
}

/// Finds the empty line that ends the head of an HTTP request or response.
///
/// It is stricter than HTTP has to be (RFC 9112 lets recipients forgive a good deal), because what
/// two parsers read differently is what requests are smuggled with.
///
/// ```
/// use wsproto::{Config, handshake::HeadFinder};
///
/// let config = Config::default();
/// let mut finder = HeadFinder::new();
/// assert_eq!(finder.find(b"GET / HTTP/1.1\r\nHost: a\r", &config), Ok(None));
/// assert_eq!(finder.find(b"\n\r\n\x81\x80", &config), Ok(Some(3)));
/// # Ok::<(), wsproto::handshake::HeadError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeadFinder {
    len: usize,
    lines: usize,
    at: Position,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Position {
    #[default]
    LineStart,
    InLine,
    /// Behind the CR that ends a line.
    LineEnd,
    /// Behind the CR that ends the head.
    HeadEnd,
}

impl HeadFinder {
    /// Begins a head.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many bytes of the head were seen.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no byte of the head was seen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Begins another head behind a complete one; the limit on their length is for both together.
    pub(crate) fn next_head(&mut self) {
        *self = Self { len: self.len, ..Self::new() };
    }

    /// Looks at the bytes that follow those of the last call. Returns how many of them belong to
    /// the head, once it is complete.
    ///
    /// # Errors
    ///
    /// [`HeadError`], at the byte that decides it.
    pub fn find(&mut self, bytes: &[u8], config: &Config) -> Result<Option<usize>, HeadError> {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.len >= config.max_head_size {
                return Err(match self.lines {
                    0 => HeadError::FirstLineTooLong,
                    _ => HeadError::TooLong,
                });
            }
            self.len += 1;
            self.at = match (self.at, byte) {
                (Position::LineEnd, b'\n') => {
                    self.lines += 1;
                    Position::LineStart
                }
                (Position::HeadEnd, b'\n') => return Ok(Some(index + 1)),
                (Position::LineStart, b'\r') if self.lines > 0 => Position::HeadEnd,
                (Position::LineStart, 0x21..=0x7E) if self.lines > config.max_headers => {
                    return Err(HeadError::TooManyFields);
                }
                (Position::LineStart, 0x21..=0x7E) => Position::InLine,
                (Position::InLine, b'\r') => Position::LineEnd,
                (Position::InLine, b'\t' | 0x20..=0x7E) => Position::InLine,
                _ => return Err(HeadError::InvalidByte),
            };
        }
        Ok(None)
    }
}
