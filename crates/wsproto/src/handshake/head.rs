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
        let mut index = 0;
        while let Some(&byte) = bytes.get(index) {
            let left = config.max_head_size.saturating_sub(self.len);
            if left == 0 {
                return Err(match self.lines {
                    0 => HeadError::FirstLineTooLong,
                    _ => HeadError::TooLong,
                });
            }
            if self.at == Position::InLine {
                let rest = bytes.get(index..).unwrap_or_default();
                let text = text_len(rest.split_at(left.min(rest.len())).0);
                if text > 0 {
                    (index, self.len) = (index + text, self.len + text);
                    continue;
                }
            }
            index += 1;
            self.len += 1;
            self.at = match (self.at, byte) {
                (Position::LineEnd, b'\n') => {
                    self.lines += 1;
                    Position::LineStart
                }
                (Position::HeadEnd, b'\n') => return Ok(Some(index)),
                (Position::LineStart, b'\r') if self.lines > 0 => Position::HeadEnd,
                (Position::LineStart, 0x21..=0x7E) if self.lines > config.max_headers => {
                    return Err(HeadError::TooManyFields);
                }
                (Position::LineStart, 0x21..=0x7E) => Position::InLine,
                (Position::InLine, b'\r') => Position::LineEnd,
                _ => return Err(HeadError::InvalidByte),
            };
        }
        Ok(None)
    }
}

/// How many bytes in front may stand in a line. Whole blocks first, without a branch for each byte.
fn text_len(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<16>();
    let whole = blocks.iter().take_while(|block| is_text(*block)).count() * 16;
    let rest = bytes.get(whole..).unwrap_or_default();
    whole + rest.iter().take_while(|byte| is_text(&[**byte])).count()
}

/// Whether all bytes may stand in a line, behind its first.
#[inline]
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |text, byte| text & matches!(byte, b'\t' | b' '..=b'~'))
}
