//! The end of an HTTP head, found without examining any byte twice (promise I9).

use super::list::is_token_byte;
use super::text::{ascii_text_len, text_len};
use crate::Config;

/// The reason why a head is refused before it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// The first bytes begin neither a method nor, in a response, `HTTP/`.
    #[error("not HTTP")]
    NotHttp,
    /// The first byte is that of a TLS record.
    #[error("this is TLS, where plain HTTP is expected")]
    Tls,
    /// A byte that is not allowed in a head: a control character, a lone CR or LF, a folded line;
    /// in a request line, also a non-ASCII byte.
    #[error("invalid byte in the head")]
    InvalidByte,
    /// The first line alone is longer than [`Config::max_head_size`].
    #[error("first line longer than the maximum head size")]
    FirstLineTooLong,
    /// The head is longer than [`Config::max_head_size`].
    #[error("head longer than the maximum head size")]
    TooLong,
    /// There are more than [`Config::max_headers`] header fields.
    #[error("too many header fields")]
    TooManyFields,
}

/// A finder of the empty line that ends the head of an HTTP request or response.
///
/// It is stricter than HTTP requires (RFC 9112 permits recipients to be lenient), because
/// differences between two parsers enable request smuggling. It tolerates two things, as RFC 9112
/// section 2.2 and RFC 9110 section 5.5 ask: one empty line before a request, and non-ASCII bytes
/// in field values.
///
/// ```
/// use wsproto::{Config, handshake::HeadFinder};
///
/// let config = Config::default();
/// let mut finder = HeadFinder::request();
/// assert_eq!(finder.find(b"GET / HTTP/1.1\r\nHost: a\r", &config), Ok(None));
/// assert_eq!(finder.find(b"\n\r\n\x81\x80", &config), Ok(Some(3)));
/// # Ok::<(), wsproto::handshake::HeadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HeadFinder {
    len: usize,
    lines: usize,
    at: Position,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Response,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Before a request, or before an empty line in front of it.
    Start,
    /// After the CR of that empty line.
    EmptyLine,
    /// Before a request, after the empty line.
    MethodStart,
    InMethod,
    /// After this many bytes of `HTTP/`, at the beginning of a response.
    InVersion(u8),
    LineStart,
    InLine,
    /// After the CR that ends a line.
    LineEnd,
    /// After the CR that ends the head.
    HeadEnd,
}

impl HeadFinder {
    /// Creates a finder for the head of a request.
    #[must_use]
    pub const fn request() -> Self {
        Self { len: 0, lines: 0, at: Position::Start, kind: Kind::Request }
    }

    /// Creates a finder for the head of a response.
    #[must_use]
    pub const fn response() -> Self {
        Self { len: 0, lines: 0, at: Position::InVersion(0), kind: Kind::Response }
    }

    /// Returns how many bytes of the head have been examined.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether no byte of the head has been examined. An empty line before the head does
    /// not count.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the bytes that can belong to a head of the maximum size, and to an empty line before it: no
    /// others are worth parsing.
    pub(crate) fn front<'a>(input: &'a [u8], config: &Config) -> &'a [u8] {
        input.get(..config.max_head_size.saturating_add(2)).unwrap_or(input)
    }

    /// Records a head that was parsed as a whole, before any of it was examined. Returns whether it is within
    /// the limits: [`find`](Self::find) would then have found its end, since parsing is no less strict.
    pub(crate) fn allows(&mut self, head: &[u8], fields: usize, config: &Config) -> bool {
        let len = head.strip_prefix(b"\r\n").unwrap_or(head).len();
        let fits = len <= config.max_head_size && fields <= config.max_headers;
        if fits {
            self.len = len;
        }
        fits
    }

    /// Starts on the next response after a complete one; the size limit covers both together.
    pub(crate) fn next_response(&mut self) {
        *self = Self { len: self.len, ..Self::response() };
    }

    /// Examines the bytes that follow those of the last call. Once the head is complete, returns
    /// how many of them belong to it, including an empty line before it.
    ///
    /// # Errors
    ///
    /// [`HeadError`], at the byte that decides it.
    pub fn find(&mut self, bytes: &[u8], config: &Config) -> Result<Option<usize>, HeadError> {
        let mut index = 0;
        while let Some(&byte) = bytes.get(index) {
            if let Some(at) = self.skip_empty_line(byte) {
                index += 1;
                self.at = at;
                continue;
            }
            let left = config.max_head_size.saturating_sub(self.len);
            if left == 0 {
                return Err(match self.lines {
                    0 => HeadError::FirstLineTooLong,
                    _ => HeadError::TooLong,
                });
            }
            if self.at == Position::InLine {
                let rest = bytes.get(index..).unwrap_or_default();
                let lines = self.skip_lines(rest.split_at(left.min(rest.len())).0, config);
                if lines > 0 {
                    (index, self.len) = (index + lines, self.len + lines);
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
                (Position::LineStart, b'\r') => Position::HeadEnd,
                (Position::LineStart, 0x21..=0x7E) if self.lines > config.max_headers => {
                    return Err(HeadError::TooManyFields);
                }
                (Position::LineStart, 0x21..=0x7E) => Position::InLine,
                (Position::InLine, b'\r') => Position::LineEnd,
                (at, byte) => begin(at, byte)?,
            };
        }
        Ok(None)
    }

    /// RFC 9112 section 2.2: one empty line before a request is ignored.
    const fn skip_empty_line(&self, byte: u8) -> Option<Position> {
        match (self.at, byte) {
            (Position::Start, b'\r') => Some(Position::EmptyLine),
            (Position::EmptyLine, b'\n') => Some(Position::MethodStart),
            _ => None,
        }
    }

    /// Returns how many bytes at the front are allowed in the line and in those that follow it, up to the
    /// last one that has begun. Counts the lines that end.
    fn skip_lines(&mut self, bytes: &[u8], config: &Config) -> usize {
        let mut rest = bytes;
        loop {
            let text = match (self.kind, self.lines) {
                (Kind::Request, 0) => ascii_text_len(rest),
                _ => text_len(rest),
            };
            rest = rest.get(text..).unwrap_or_default();
            match rest {
                [b'\r', b'\n', b'!'..=b'~', next @ ..] if self.lines < config.max_headers => {
                    self.lines += 1;
                    rest = next;
                }
                _ => return bytes.len() - rest.len(),
            }
        }
    }
}

/// Checks a byte at the very beginning of a head, where input that is not HTTP is recognised.
fn begin(at: Position, byte: u8) -> Result<Position, HeadError> {
    /// The record types with which a client and a refusing server begin (RFC 8446 section 5.1):
    /// handshake and alert.
    const TLS: [u8; 2] = [22, 21];

    match at {
        Position::Start | Position::MethodStart | Position::InVersion(0) if TLS.contains(&byte) => {
            Err(HeadError::Tls)
        }
        Position::Start | Position::MethodStart | Position::InMethod if is_token_byte(byte) => {
            Ok(Position::InMethod)
        }
        Position::InMethod if byte == b' ' => Ok(Position::InLine),
        Position::InVersion(4) if byte == b'/' => Ok(Position::InLine),
        Position::InVersion(len) if b"HTTP".get(usize::from(len)) == Some(&byte) => {
            Ok(Position::InVersion(len + 1))
        }
        Position::Start
        | Position::MethodStart
        | Position::InMethod
        | Position::InVersion(_)
        | Position::EmptyLine => Err(HeadError::NotHttp),
        _ => Err(HeadError::InvalidByte),
    }
}

/// Splits the first line off a head; returns the line and the rest.
pub(super) fn first_line(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = head.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = head.split_at_checked(end)?;
    Some((line.strip_suffix(b"\r")?, rest.get(1..)?))
}

/// Parses a version into its major and minor number (RFC 9112 section 2.3).
pub(super) const fn version(text: &[u8]) -> Option<(u8, u8)> {
    match text {
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] => {
            Some((*major - b'0', *minor - b'0'))
        }
        _ => None,
    }
}
