//! Response bodies: their end, and their content (RFC 9112 sections 6.3 and 7.1).

use alloc::vec::Vec;

use super::list::elements;
use super::{Response, ResponseError};
use crate::Config;
use crate::cursor::take;

/// Reads the body of a response, and keeps only its content.
#[derive(Debug)]
pub(crate) struct Body {
    status: u16,
    end: End,
    /// How many bytes of chunk extensions and trailers were skipped.
    skipped: usize,
}

/// The end of the body.
#[derive(Debug)]
enum End {
    /// After this many more bytes, or at the end of the transport.
    Length(u64),
    /// After the last chunk.
    Chunked(Chunk),
}

impl End {
    /// The end of the transport.
    const TRANSPORT: Self = Self::Length(u64::MAX);
}

/// The position of the next byte within the chunked coding.
#[derive(Clone, Copy, Debug)]
enum Chunk {
    /// In the chunk size; `digits` were read so far.
    Size {
        size: u64,
        digits: u8,
    },
    /// In the chunk extension, after the size.
    Extension {
        size: u64,
    },
    /// After the CR of the size line.
    SizeEnd {
        size: u64,
    },
    /// In the data, of which `missing` bytes remain.
    Data {
        missing: u64,
    },
    /// After the data.
    DataEnd,
    /// After the CR that follows the data.
    DataLineEnd,
    /// At the beginning of a trailer line.
    TrailerStart,
    InTrailer,
    /// After the CR of a trailer line.
    TrailerEnd,
    /// After the CR of the empty line that ends the trailers.
    LastLine,
    Done,
}

impl Chunk {
    const START: Self = Self::Size { size: 0, digits: 0 };
}

impl Body {
    /// Determines how the body after a head ends.
    ///
    /// # Errors
    ///
    /// [`ResponseError::ContentLength`] if that header is invalid, or gives different lengths.
    pub(crate) fn new(response: &Response) -> Result<Self, ResponseError> {
        let headers = response.headers();
        let end = if response.has_no_body() {
            End::Length(0)
        } else if headers.get_bytes("Transfer-Encoding").is_some() {
            // Section 6.3: Transfer-Encoding overrides Content-Length.
            let codings = headers.get_all("Transfer-Encoding").flat_map(elements);
            let chunked = codings.last().is_some_and(|last| last.eq_ignore_ascii_case("chunked"));
            // Section 6.1: HTTP/1.0 has no transfer codings, so such a head is faulty.
            if chunked && response.version_minor() > 0 {
                End::Chunked(Chunk::START)
            } else {
                End::TRANSPORT
            }
        } else if headers.get_bytes("Content-Length").is_some() {
            let wrong = ResponseError::ContentLength(response.status());
            End::Length(length(headers.get_all("Content-Length")).ok_or(wrong)?)
        } else {
            End::TRANSPORT
        };
        Ok(Self { status: response.status(), end, skipped: 0 })
    }

    /// Takes the available part of the body off the front of `input`, and appends its content to
    /// `content`. Returns whether the body is complete or the limit on its size is reached.
    ///
    /// # Errors
    ///
    /// [`ResponseError::Chunk`] if a chunk is malformed, or if chunk extensions and trailers exceed
    /// [`Config::max_head_size`] bytes together.
    pub(crate) fn read(
        &mut self,
        input: &mut &mut [u8],
        config: &Config,
        content: &mut Vec<u8>,
    ) -> Result<bool, ResponseError> {
        loop {
            let room = config.max_body_size.saturating_sub(content.len());
            let missing = match &mut self.end {
                End::Length(0) | End::Chunked(Chunk::Done) => return Ok(true),
                _ if room == 0 => return Ok(true),
                _ if input.is_empty() => return Ok(false),
                End::Chunked(Chunk::Data { missing }) | End::Length(missing) => missing,
                End::Chunked(chunk) => {
                    self.skipped += usize::from(chunk.is_skipped());
                    let byte = take(input, 1).first().copied();
                    let next = byte.filter(|_| self.skipped <= config.max_head_size);
                    let next = next.and_then(|byte| chunk.next(byte));
                    *chunk = next.ok_or(ResponseError::Chunk(self.status))?;
                    continue;
                }
            };
            let part = take(input, usize::try_from(*missing).unwrap_or(usize::MAX).min(room));
            content.extend_from_slice(part);
            *missing -= part.len() as u64;
            if let End::Chunked(chunk @ Chunk::Data { missing: 0 }) = &mut self.end {
                *chunk = Chunk::DataEnd;
            }
        }
    }
}

impl Chunk {
    /// Returns whether the next byte is ignored.
    const fn is_skipped(self) -> bool {
        matches!(self, Self::Extension { .. } | Self::TrailerStart | Self::InTrailer)
    }

    /// Returns the state after a byte that is not data; `None` if the byte is not allowed.
    fn next(self, byte: u8) -> Option<Self> {
        /// The maximum number of hexadecimal digits of a 64-bit size.
        const MAX_DIGITS: u8 = 16;

        Some(match (self, byte) {
            (
                Self::Size { size, digits: digits @ 0..MAX_DIGITS },
                b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F',
            ) => {
                let digit = char::from(byte).to_digit(16)?;
                Self::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (Self::Size { size, digits: 1.. }, b';' | b' ' | b'\t') => Self::Extension { size },
            (Self::Size { size, digits: 1.. } | Self::Extension { size }, b'\r') => {
                Self::SizeEnd { size }
            }
            (Self::Extension { size }, b'\t' | b' '..=b'~' | 0x80..) => Self::Extension { size },
            (Self::SizeEnd { size: 0 }, b'\n') => Self::TrailerStart,
            (Self::SizeEnd { size }, b'\n') => Self::Data { missing: size },
            (Self::DataEnd, b'\r') => Self::DataLineEnd,
            (Self::DataLineEnd, b'\n') => Self::START,
            (Self::TrailerStart, b'\r') => Self::LastLine,
            (Self::TrailerStart, b'!'..=b'~') => Self::InTrailer,
            (Self::InTrailer, b'\t' | b' '..=b'~' | 0x80..) => Self::InTrailer,
            (Self::InTrailer, b'\r') => Self::TrailerEnd,
            (Self::TrailerEnd, b'\n') => Self::TrailerStart,
            (Self::LastLine, b'\n') => Self::Done,
            _ => return None,
        })
    }
}

/// Parses Content-Length, which may be repeated with the same value; values beyond 64 bits
/// saturate.
fn length<'a>(values: impl Iterator<Item = &'a str>) -> Option<u64> {
    let mut lengths = values.flat_map(elements).map(|digits| {
        let digits = Some(digits).filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
        Some(digits.trim_start_matches('0'))
    });
    let first = lengths.next()??;
    if !lengths.all(|other| other == Some(first)) {
        return None;
    }
    Some(if first.is_empty() { 0 } else { first.parse().unwrap_or(u64::MAX) })
}
