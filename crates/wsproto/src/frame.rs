//! Frame headers: parsing and encoding, nothing else (RFC 6455 section 5.2).
//!
//! ```
//! use wsproto::frame::{Expect, Header, Opcode};
//!
//! let frame = [0x81, 0x05, b'H', b'e', b'l', b'l', b'o'];
//! let (header, size) = Header::parse(&frame, &Expect::unmasked())?.expect("a whole header");
//! assert_eq!((header.opcode, header.fin, header.len, size), (Opcode::Text, true, 5, 2));
//!
//! let mut out = Vec::new();
//! header.encode(&mut out);
//! assert_eq!(out, [0x81, 0x05]);
//! # Ok::<(), wsproto::Error>(())
//! ```

use alloc::vec::Vec;

use crate::Error;

/// The maximum length of a frame header in bytes: 2, then 8 of payload length, then 4 of masking
/// key.
pub const MAX_HEADER_LEN: usize = 14;

/// The maximum payload length of a control frame in bytes (section 5.5).
pub const MAX_CONTROL_LEN: usize = 125;

/// The three reserved bits, at their position in the first byte.
pub const RSV: u8 = 0x70;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// The type of a frame (section 5.2; the ten other values are reserved).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// Continues a fragmented message.
    Continuation = 0x0,
    /// Begins a text message.
    Text = 0x1,
    /// Begins a binary message.
    Binary = 0x2,
    /// Begins or answers the closing handshake.
    Close = 0x8,
    /// Requests a Pong.
    Ping = 0x9,
    /// Answers a Ping, or serves as an unsolicited heartbeat.
    Pong = 0xA,
}

impl Opcode {
    /// Returns the opcode in the low four bits of a frame's first byte; `None` for a reserved one.
    #[inline]
    #[must_use]
    pub const fn from_bits(byte: u8) -> Option<Self> {
        match byte & 0x0F {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }

    /// Returns whether this is a Close, Ping or Pong (section 5.5).
    #[inline]
    #[must_use]
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 at their position in the first byte (mask [`RSV`]).
    pub rsv: u8,
    /// The type of the frame.
    pub opcode: Opcode,
    /// The masking key, if the payload is masked (section 5.3).
    pub mask: Option<[u8; 4]>,
    /// The length of the payload in bytes.
    pub len: u64,
}

/// The constraints on the next frame; any other frame is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect {
    /// Whether frames must be masked: `true` in a server, `false` in a client (section 5.1).
    pub masked: bool,
    /// The reserved bits that a negotiated extension owns, allowed on the first frame of a message
    /// (RFC 7692 section 6: never on a control frame, never on a continuation).
    pub rsv: u8,
    /// Which data frame may come next.
    pub data: NextData,
    /// The maximum payload length of a data frame, in bytes.
    pub max_len: u64,
}

/// Which data frame may come next (section 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextData {
    /// The first frame of a message.
    First,
    /// A continuation of the open message.
    Next,
    /// No data frame: the open message has used up its fragments.
    Exhausted,
}

impl Expect {
    /// Returns the constraints for a server at the start: a masked frame of any length.
    #[must_use]
    pub const fn masked() -> Self {
        Self { masked: true, rsv: 0, data: NextData::First, max_len: u64::MAX }
    }

    /// Returns the constraints for a client at the start: an unmasked frame of any length.
    #[must_use]
    pub const fn unmasked() -> Self {
        Self { masked: false, ..Self::masked() }
    }

    /// Checks the first byte.
    #[inline]
    fn first_byte(&self, byte: u8) -> Result<Opcode, Error> {
        let opcode = Opcode::from_bits(byte).ok_or(Error::ReservedOpcode)?;
        let (rsv, wrong) = match (opcode, self.data) {
            (Opcode::Continuation, NextData::First) => (0, Some(Error::UnexpectedContinuation)),
            (Opcode::Continuation, NextData::Next) => (0, None),
            (Opcode::Continuation, NextData::Exhausted) => (0, Some(Error::TooManyFragments)),
            (Opcode::Text | Opcode::Binary, NextData::First) => (self.rsv, None),
            (Opcode::Text | Opcode::Binary, _) => (self.rsv, Some(Error::UnfinishedMessage)),
            _ if byte & FIN == 0 => (0, Some(Error::FragmentedControl)),
            _ => (0, None),
        };
        if byte & RSV & !rsv != 0 {
            return Err(Error::ReservedBit);
        }
        wrong.map_or(Ok(opcode), Err)
    }

    /// Checks the second byte, given the opcode.
    #[inline]
    fn second_byte(&self, opcode: Opcode, byte: u8) -> Result<u8, Error> {
        if self.masked != (byte & MASKED != 0) {
            return Err(if self.masked { Error::UnmaskedFrame } else { Error::MaskedFrame });
        }
        let code = byte & !MASKED;
        if opcode.is_control() && usize::from(code) > MAX_CONTROL_LEN {
            return Err(Error::ControlTooLong);
        }
        Ok(code)
    }

    /// Checks a length known to be in `least..=most`, given the bytes so far.
    ///
    /// Further bytes only narrow the range, so a prefix is refused exactly when every completion of
    /// it would be refused for the same reason.
    #[inline]
    fn length(&self, least: u64, most: u64, shortest: u64) -> Result<(), Error> {
        if least >> 63 != 0 {
            Err(Error::LengthTopBit)
        } else if most < shortest {
            Err(Error::NonMinimalLength)
        } else if least > self.max_len {
            Err(Error::MessageTooBig)
        } else {
            Ok(())
        }
    }

    /// Checks the first bytes of a length field that takes `width` bytes.
    #[cold]
    fn partial_length(&self, known: &[u8], width: usize, shortest: u64) -> Result<(), Error> {
        let range = (0..width).map(|at| known.get(at).copied());
        let least = range.clone().fold(0, |low, byte| low << 8 | u64::from(byte.unwrap_or(0)));
        let most = range.fold(0, |high, byte| high << 8 | u64::from(byte.unwrap_or(0xFF)));
        self.length(least, most, shortest)
    }
}

impl Header {
    /// Returns the minimum payload length announced by the header at the front of `bytes`, when
    /// that length exceeds the limit. Only the bytes that decide this count, however many there
    /// are.
    pub(crate) fn announced(bytes: &[u8], expect: &Expect) -> u64 {
        let decides = |len: &usize| {
            let known = bytes.get(..*len).unwrap_or_default();
            matches!(Self::parse(known, expect), Err(Error::MessageTooBig))
        };
        let len = (2..=bytes.len().min(MAX_HEADER_LEN)).find(decides).unwrap_or(2);
        let code = bytes.get(1).map_or(0, |byte| byte & !MASKED);
        let width = match code {
            126 => 2,
            127 => 8,
            short => return short.into(),
        };
        let known = bytes.get(2..len).unwrap_or_default();
        (0..width).fold(0, |low, at| low << 8 | known.get(at).map_or(0, |byte| u64::from(*byte)))
    }

    /// Parses the header at the front of `bytes`; returns it and its size in bytes, or `None` if
    /// more bytes are needed.
    ///
    /// # Errors
    ///
    /// The rule that the frame breaks, as soon as the available bytes decide it: a reserved opcode
    /// at the first byte, an overlong control frame at the second, an excessive length at the first
    /// byte that makes it so.
    #[inline]
    pub fn parse(bytes: &[u8], expect: &Expect) -> Result<Option<(Self, usize)>, Error> {
        let [first, rest @ ..] = bytes else { return Ok(None) };
        let opcode = expect.first_byte(*first)?;
        let [second, rest @ ..] = rest else { return Ok(None) };
        let code = expect.second_byte(opcode, *second)?;

        let (len, shortest, rest) = match (code, rest) {
            (126, [a, b, rest @ ..]) => (u16::from_be_bytes([*a, *b]).into(), 126, rest),
            (126, known) => return expect.partial_length(known, 2, 126).map(|()| None),
            (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
                (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 0x1_0000, rest)
            }
            (127, known) => return expect.partial_length(known, 8, 0x1_0000).map(|()| None),
            (short, rest) => (short.into(), 0, rest),
        };
        if !opcode.is_control() {
            expect.length(len, len, shortest)?;
        }

        let (mask, rest) = match (expect.masked, rest) {
            (false, rest) => (None, rest),
            (true, [a, b, c, d, rest @ ..]) => (Some([*a, *b, *c, *d]), rest),
            (true, _) => return Ok(None),
        };
        let header = Self { fin: first & FIN != 0, rsv: first & RSV, opcode, mask, len };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    /// Parses the header of the most frequent frames: a whole data message below 64 KiB, without
    /// reserved bits and with the length in its shortest form. On `None`, use
    /// [`parse`](Self::parse).
    #[inline(always)]
    pub(crate) fn parse_small(bytes: &[u8], masked: bool) -> Option<(Self, usize)> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let opcode = match first {
            0x81 => Opcode::Text,
            0x82 => Opcode::Binary,
            _ => return None,
        };
        let masked_bit = if masked { MASKED } else { 0 };
        let (len, size, rest) = match second ^ masked_bit {
            short @ ..=125 => (short.into(), 2, rest),
            126 => {
                let (&length, rest) = rest.split_first_chunk()?;
                let len = u16::from_be_bytes(length);
                if len < 126 {
                    return None;
                }
                (len, 4, rest)
            }
            _ => return None,
        };
        let (mask, size) = match masked {
            true => (Some(*rest.first_chunk()?), size + 4),
            false => (None, size),
        };
        Some((Self { fin: true, rsv: 0, opcode, mask, len: len.into() }, size))
    }

    /// Appends the header to `out`: 2 to 14 bytes, the length in its shortest form.
    // Callers know most fields at compile time: inlining halves the instructions.
    #[inline(always)]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let first = u8::from(self.fin) << 7 | self.rsv & RSV | self.opcode as u8;
        let masked = u8::from(self.mask.is_some()) << 7;
        match (u8::try_from(self.len), u16::try_from(self.len)) {
            (Ok(short @ ..=125), _) => out.extend_from_slice(&[first, masked | short]),
            (_, Ok(medium)) => {
                let [a, b] = medium.to_be_bytes();
                out.extend_from_slice(&[first, masked | 126, a, b]);
            }
            _ => {
                let [a, b, c, d, e, f, g, h] = self.len.to_be_bytes();
                out.extend_from_slice(&[first, masked | 127, a, b, c, d, e, f, g, h]);
            }
        }
        if let Some(key) = self.mask {
            out.extend_from_slice(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise I2, for headers: both parsers give the same result.
    #[test]
    fn parse_small_agrees_with_parse() {
        for expect in [Expect::masked(), Expect::unmasked()] {
            let mut parsed = 0;
            for start in 0..=u16::MAX {
                for extended in [[0, 0], [0, 125], [0, 126], [1, 0], [0xFF, 0xFF]] {
                    let [first, second] = start.to_be_bytes();
                    let [high, low] = extended;
                    let bytes = [first, second, high, low, 5, 6, 7, 8];
                    for len in 0..=bytes.len() {
                        let bytes = bytes.split_at(len).0;
                        if let Some(small) = Header::parse_small(bytes, expect.masked) {
                            assert_eq!(Header::parse(bytes, &expect), Ok(Some(small)));
                            parsed += 1;
                        }
                    }
                }
            }
            assert!(parsed > 1000);
        }
    }
}
