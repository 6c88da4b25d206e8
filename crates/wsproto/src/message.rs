//! The message in flight, and the memory it holds (promises I4 and I5).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};

use crate::frame::Opcode;
use crate::mask::Mask;
use crate::utf8::Utf8;
use crate::{Error, Event, Piece, copy};

/// The minimum capacity reserved for a message that can grow this long: most messages that are cut
/// are cut once, and then need no second allocation. It is the small constant of promise I4.
const LEAST_CAPACITY: usize = 1024;

/// How many bytes must have arrived, and must be missing, of a message whose memory is lent to a
/// reader: the rest of a shorter one is read together with what follows it.
const LEAST_LENT: usize = 32 << 10;

/// How many bytes of a text are unmasked, validated and copied at once: they stay in the
/// first-level cache.
const PART: usize = 16 << 10;

/// No allocation can be larger, whatever the limit; on 32-bit targets this is reachable.
const MOST: usize = isize::MAX as usize;

/// The message whose frames have begun to arrive.
pub(crate) enum Message {
    /// No message is open.
    None,
    /// A text message that is being assembled.
    Text { text: String, utf8: Utf8, fragments: u32 },
    /// A binary message that is being assembled.
    Binary { bytes: Vec<u8>, fragments: u32 },
    /// A text message that is handed out in pieces.
    TextPieces { size: u64, utf8: Utf8, fragments: u32 },
    /// A binary message that is handed out in pieces.
    BinaryPieces { size: u64, fragments: u32 },
}

impl Message {
    /// Begins a message, or counts a fragment of the open one.
    pub(crate) fn begin_frame(&mut self, opcode: Opcode) {
        match self {
            Self::None if opcode == Opcode::Text => {
                *self = Self::Text { text: String::new(), utf8: Utf8::new(), fragments: 1 };
            }
            Self::None => *self = Self::Binary { bytes: Vec::new(), fragments: 1 },
            Self::Text { fragments, .. }
            | Self::Binary { fragments, .. }
            | Self::TextPieces { fragments, .. }
            | Self::BinaryPieces { fragments, .. } => *fragments = fragments.saturating_add(1),
        }
    }

    /// Returns how many frames of the message have begun.
    pub(crate) const fn fragments(&self) -> u32 {
        match self {
            Self::None => 0,
            Self::Text { fragments, .. }
            | Self::Binary { fragments, .. }
            | Self::TextPieces { fragments, .. }
            | Self::BinaryPieces { fragments, .. } => *fragments,
        }
    }

    /// Returns how many bytes of the message have arrived, including a character that is still
    /// incomplete.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Text { text, utf8, .. } => (text.len() + utf8.begun().len()) as u64,
            Self::Binary { bytes, .. } => bytes.len() as u64,
            Self::TextPieces { size, .. } | Self::BinaryPieces { size, .. } => *size,
        }
    }

    /// Adds bytes to the message; `ceiling` is the maximum size in bytes it can still reach.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidUtf8`] at the first byte that no continuation can make valid, or
    /// [`Error::MessageTooBig`] if the message cannot be held in memory.
    pub(crate) fn push(
        &mut self,
        bytes: &mut [u8],
        mut mask: Option<&mut Mask>,
        ceiling: usize,
    ) -> Result<(), Error> {
        match self {
            Self::Binary { bytes: message, .. } => {
                message.reserve_exact(room(
                    message.len(),
                    message.capacity(),
                    bytes.len(),
                    ceiling,
                )?);
                match mask {
                    Some(mask) => mask.append(bytes, message),
                    None => copy::append(bytes, message),
                }
            }
            Self::Text { text: message, utf8, .. } => {
                let len = utf8.begun().len() + bytes.len();
                message.reserve_exact(room(message.len(), message.capacity(), len, ceiling)?);
                for part in bytes.chunks_mut(PART) {
                    let (character, text) = utf8.push(unmask(part, mask.as_deref_mut()))?;
                    if let Some(character) = character {
                        message.push(character);
                    }
                    copy::append_text(text, message);
                }
            }
            // The application no longer wants its pieces, but the text must still be valid.
            Self::TextPieces { size, utf8, .. } => {
                *size += bytes.len() as u64;
                utf8.push(unmask(bytes, mask))?;
            }
            Self::BinaryPieces { size, .. } => {
                *size += bytes.len() as u64;
                if let Some(mask) = mask {
                    mask.skip(bytes.len());
                }
            }
            Self::None => {}
        }
        Ok(())
    }

    /// Returns the memory of a binary message, with room for some of the `remaining` bytes of its
    /// frame, and for nothing behind them; `ceiling` is the maximum size in bytes the message can
    /// still reach. `None` if that is not worth it.
    pub(crate) fn lend(&mut self, remaining: usize, ceiling: usize) -> Option<&mut Vec<u8>> {
        let Self::Binary { bytes, .. } = self else { return None };
        if remaining.min(bytes.len()) < LEAST_LENT {
            return None;
        }
        if bytes.capacity() - bytes.len() < LEAST_LENT {
            // With the constant, doubling does not leave a rest as short as the header was.
            let ample = bytes.len().saturating_mul(2).saturating_add(LEAST_CAPACITY);
            bytes.reserve_exact(ample.min(ceiling).min(MOST).saturating_sub(bytes.len()));
        }
        let spare = bytes.capacity() - bytes.len();
        (LEAST_LENT..=remaining).contains(&spare).then_some(bytes)
    }

    /// Ends the message; `None` if pieces of it were handed out, or if no message is open.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidUtf8`] if a text ends inside a character.
    pub(crate) fn finish(&mut self) -> Result<Option<Event<'static>>, Error> {
        Ok(match mem::replace(self, Self::None) {
            Self::Text { text, utf8, .. } => {
                utf8.finish()?;
                Some(Event::Text(Cow::Owned(text)))
            }
            Self::Binary { bytes, .. } => Some(Event::Binary(Cow::Owned(bytes))),
            Self::TextPieces { utf8, .. } => {
                utf8.finish()?;
                None
            }
            Self::BinaryPieces { .. } | Self::None => None,
        })
    }

    /// Takes out the part of the open message assembled so far, as its first piece.
    pub(crate) fn take_assembled(&mut self) -> Option<Piece<'static>> {
        let size = self.size();
        let piece = match self {
            Self::Text { text, .. } if !text.is_empty() => {
                Piece::Text { text: mem::take(text).into(), fin: false }
            }
            Self::Binary { bytes, .. } if !bytes.is_empty() => {
                Piece::Binary { bytes: mem::take(bytes).into(), fin: false }
            }
            _ => return None,
        };
        self.count_pieces(size);
        Some(piece)
    }

    /// Returns how many of the next `available` bytes make a piece: all of them, or, in a text cut
    /// inside a character, only those that complete the character.
    pub(crate) fn piece_len(&self, available: usize) -> usize {
        match self {
            Self::Text { utf8, .. } | Self::TextPieces { utf8, .. } if !utf8.is_complete() => {
                available.min(utf8.missing())
            }
            _ => available,
        }
    }

    /// Makes a piece of the next bytes; `fin` if they are the last of the message. `None` if they
    /// do not complete a character.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidUtf8`] if the bytes are invalid, or the last ones end inside a character.
    pub(crate) fn piece<'b>(
        &mut self,
        bytes: &'b mut [u8],
        mask: Option<&mut Mask>,
        fin: bool,
    ) -> Result<Option<Piece<'b>>, Error> {
        let size = self.size() + bytes.len() as u64;
        let begun = matches!(self, Self::TextPieces { .. } | Self::BinaryPieces { .. });
        let piece = match self {
            Self::Text { utf8, .. } | Self::TextPieces { utf8, .. } => {
                let (character, text) = utf8.push(unmask(bytes, mask))?;
                let text = match character {
                    Some(character) => Cow::Owned(character.into()),
                    None => Cow::Borrowed(text),
                };
                if fin {
                    utf8.finish()?;
                }
                (fin || !text.is_empty()).then_some(Piece::Text { text, fin })
            }
            Self::Binary { .. } | Self::BinaryPieces { .. } => {
                let bytes = Cow::Borrowed(unmask(bytes, mask));
                (fin || !bytes.is_empty()).then_some(Piece::Binary { bytes, fin })
            }
            Self::None => None,
        };
        if fin {
            *self = Self::None;
        } else if begun || piece.is_some() {
            self.count_pieces(size);
        }
        Ok(piece)
    }

    /// Switches the open message from assembling to pieces; `size` is the number of bytes that have
    /// arrived of it.
    fn count_pieces(&mut self, size: u64) {
        *self = match mem::replace(self, Self::None) {
            Self::Text { utf8, fragments, .. } | Self::TextPieces { utf8, fragments, .. } => {
                Self::TextPieces { size, utf8, fragments }
            }
            Self::Binary { fragments, .. } | Self::BinaryPieces { fragments, .. } => {
                Self::BinaryPieces { size, fragments }
            }
            Self::None => Self::None,
        };
    }
}

/// Shows the type and size of the message, not its content.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::None => return f.write_str("None"),
            Self::Text { .. } | Self::TextPieces { .. } => "Text",
            Self::Binary { .. } | Self::BinaryPieces { .. } => "Binary",
        };
        f.debug_struct(name)
            .field("size", &self.size())
            .field("fragments", &self.fragments())
            .finish_non_exhaustive()
    }
}

/// Unmasks `bytes` in place.
#[inline]
pub(crate) fn unmask<'b>(bytes: &'b mut [u8], mask: Option<&mut Mask>) -> &'b [u8] {
    if let Some(mask) = mask {
        mask.apply(bytes);
    }
    bytes
}

/// Returns how much to reserve for `additional` bytes: double the need, so that a message arriving
/// in small parts costs linear work, but never more than the message can still reach.
///
/// # Errors
///
/// [`Error::MessageTooBig`] beyond the largest possible allocation.
fn room(len: usize, capacity: usize, additional: usize, ceiling: usize) -> Result<usize, Error> {
    let needed = len.checked_add(additional).filter(|n| *n <= MOST).ok_or(Error::MessageTooBig)?;
    if needed <= capacity {
        return Ok(0);
    }
    let ample = needed.saturating_mul(2).max(LEAST_CAPACITY).min(ceiling).min(MOST);
    Ok(needed.max(ample) - len)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes `text`, masked, of which the first `cut` bytes arrive before the others.
    fn push(text: &[u8], cut: usize) -> Result<Option<Event<'static>>, Error> {
        let key = [0x9A, 0x05, 0xC3, 0x70];
        let mut wire = text.to_vec();
        Mask::new(key).apply(&mut wire);

        let mut message = Message::None;
        message.begin_frame(Opcode::Text);
        let mut mask = Mask::new(key);
        let (front, back) = wire.split_at_mut(cut);
        message.push(front, Some(&mut mask), text.len())?;
        message.push(back, Some(&mut mask), text.len())?;
        message.finish()
    }

    #[test]
    fn long_text_is_assembled_across_its_parts() {
        // A character of four bytes lies across the end of a part at each of its positions.
        for before in 0..4 {
            let text = "a".repeat(before) + &"\u{1F94A}".repeat(3 * PART / 4);
            for cut in [0, 1, PART - 1, PART + 2, 2 * PART + 3] {
                let whole = Ok(Some(Event::Text(text.clone().into())));
                assert_eq!(push(text.as_bytes(), cut), whole, "{before} before, cut at {cut}");
                for wrong in [PART - 1, PART, PART + 1, 3 * PART - 1] {
                    let mut bytes = text.clone().into_bytes();
                    if let Some(byte) = bytes.get_mut(wrong) {
                        *byte = 0xFF;
                    }
                    assert_eq!(
                        push(&bytes, cut),
                        Err(Error::InvalidUtf8),
                        "{before} {cut} {wrong}"
                    );
                }
            }
        }
    }
}
