//! Frames on their way in: headers, payloads and control frames, in whole or in part.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::mem;

use super::{Frame, Receiver, Step};
use crate::control::Control;
use crate::cursor::take;
use crate::frame::{Expect, Header, MAX_HEADER_LEN, NextData, Opcode};
use crate::mask::Mask;
use crate::message::{Message, unmask};
use crate::{CloseFrame, Error, Event, Piece, Role, Violation};

impl<R: Role> Receiver<R> {
    /// Advances to the next complete event, or to the next bytes of an open message.
    #[inline]
    pub(super) fn step<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Step<'b>, Error> {
        match &mut self.frame {
            Frame::Header { .. } => {
                let Some(header) = self.next_header(input)? else { return Ok(Step::NeedMore) };
                self.begin_frame(&header, input)
            }
            Frame::Data { remaining: 1.., .. } if input.is_empty() => Ok(Step::NeedMore),
            Frame::Data { .. } => Ok(Step::Data),
            Frame::Control(control) => {
                if !control.fill(input) {
                    return Ok(Step::NeedMore);
                }
                let Frame::Control(control) = mem::replace(&mut self.frame, Frame::START) else {
                    return Ok(Step::NeedMore);
                };
                let event = self.control(control.opcode(), control.payload())?;
                Ok(Step::Control(event.into_owned()))
            }
            Frame::Closed => {
                *input = &mut [];
                Ok(Step::NeedMore)
            }
            Frame::Failed(violation) => Err(violation.error()),
        }
    }

    #[inline]
    fn next_header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, Error> {
        if input.is_empty() {
            return Ok(None);
        }
        let expect = self.expect(input);
        if let Frame::Header { len: 0, .. } = self.frame
            && let Some((header, size)) = Header::parse(input, &expect)?
        {
            take(input, size);
            return Ok(Some(header));
        }
        self.next_header_bytewise(input, &expect)
    }

    /// Collects a header that is cut, byte by byte: it has at most 14 bytes, and each is checked as
    /// it arrives.
    #[cold]
    fn next_header_bytewise(
        &mut self,
        input: &mut &mut [u8],
        expect: &Expect,
    ) -> Result<Option<Header>, Error> {
        let Frame::Header { bytes: begun, len } = &mut self.frame else { return Ok(None) };
        let mut bytes = [0; MAX_HEADER_LEN];
        for (to, from) in bytes.iter_mut().zip(begun.iter()) {
            *to = *from;
        }
        let mut header = Ok(None);
        while let Ok(None) = header
            && let (Some(slot), [byte]) = (bytes.get_mut(usize::from(*len)), &*take(input, 1))
        {
            *slot = *byte;
            *len += 1;
            header = Header::parse(bytes.split_at((*len).into()).0, expect);
        }
        for (to, from) in begun.iter_mut().zip(bytes) {
            *to = from;
        }
        if let Ok(Some(_)) = header {
            *len = 0;
        }
        header.map(|header| header.map(|(header, _)| header))
    }

    /// Returns the constraints on the next header.
    #[inline]
    pub(super) fn expect(&self, input: &[u8]) -> Expect {
        let (data, size) = match &self.message {
            Message::None => (NextData::First, 0),
            open if open.fragments() >= self.config.max_fragments => (NextData::Exhausted, 0),
            open => (NextData::Next, open.size()),
        };
        Expect {
            masked: R::SERVER,
            rsv: self.deflate.reserved_bits(),
            data,
            max_len: self.max_len_of(input, size),
        }
    }

    /// Returns the maximum payload of the next frame, whose header is at the front of `input`, given
    /// that `size` bytes of its message have arrived.
    #[inline]
    fn max_len_of(&self, input: &[u8], size: u64) -> u64 {
        self.config.max_frame_size.min(self.max_wire(input).saturating_sub(size))
    }

    /// Returns how many bytes may arrive of the message whose header is at the front of `input`.
    #[inline]
    pub(super) fn max_wire(&self, input: &[u8]) -> u64 {
        #[cfg(feature = "deflate")]
        if self.deflate.reserved_bits() != 0 && self.is_compressed(input) {
            return self.max_compressed();
        }
        let _ = input;
        self.config.max_message_size
    }

    /// Returns the maximum payload of the next frame, given that `size` bytes of its message have
    /// arrived.
    #[inline]
    pub(super) fn max_len(&self, size: u64) -> u64 {
        self.config.max_frame_size.min(self.config.max_message_size.saturating_sub(size))
    }

    #[inline]
    fn begin_frame<'b>(
        &mut self,
        header: &Header,
        input: &mut &'b mut [u8],
    ) -> Result<Step<'b>, Error> {
        let mut mask = Mask::new(header.mask.unwrap_or_default());
        let control = header.opcode.is_control();
        // A compressed message is collected until it is complete.
        let plain = cfg!(not(feature = "deflate")) || header.rsv == 0;
        let alone = control || plain && header.fin && matches!(self.message, Message::None);
        match usize::try_from(header.len) {
            Ok(len) if alone && len <= input.len() => {
                let payload = unmask(take(input, len), R::SERVER.then_some(&mut mask));
                if control {
                    return self.control(header.opcode, payload).map(Step::Control);
                }
                Ok(Step::Whole { opcode: header.opcode, payload })
            }
            Ok(len) if control => {
                let mut control = Control::new(header.opcode, mask, len);
                control.fill(input);
                self.frame = Frame::Control(Box::new(control));
                Ok(Step::NeedMore)
            }
            _ => {
                #[cfg(feature = "deflate")]
                let opcode = match header.rsv {
                    0 => header.opcode,
                    _ => self.begin_compressed(header.opcode),
                };
                #[cfg(not(feature = "deflate"))]
                let opcode = header.opcode;
                self.message.begin_frame(opcode);
                self.frame = Frame::Data { remaining: header.len, mask, fin: header.fin };
                // An empty frame is complete without another byte.
                Ok(if header.len > 0 && input.is_empty() { Step::NeedMore } else { Step::Data })
            }
        }
    }

    /// Turns a complete control frame into an event.
    fn control<'b>(&mut self, opcode: Opcode, payload: &'b [u8]) -> Result<Event<'b>, Error> {
        Ok(match opcode {
            Opcode::Ping => Event::Ping(Cow::Borrowed(payload)),
            Opcode::Pong => Event::Pong(Cow::Borrowed(payload)),
            _ => {
                let frame = CloseFrame::parse(payload).inspect_err(|error| {
                    self.frame = Frame::Failed(Violation::close(*error, payload));
                })?;
                self.frame = Frame::Closed;
                self.message = Message::None;
                #[cfg(feature = "deflate")]
                self.deflate.fail();
                Event::Close(frame)
            }
        })
    }

    /// Adds the next bytes of the frame to the open message; returns the message if they complete
    /// it.
    pub(super) fn assemble(
        &mut self,
        input: &mut &mut [u8],
    ) -> Result<Option<Event<'static>>, Error> {
        let ceiling = self.ceiling();
        let Frame::Data { remaining, mask, fin } = &mut self.frame else { return Ok(None) };
        let bytes = take(input, usize::try_from(*remaining).unwrap_or(usize::MAX));
        *remaining -= bytes.len() as u64;
        let frame_ends = *remaining == 0;
        let message_ends = frame_ends && *fin;
        self.message.push(bytes, R::SERVER.then_some(mask), ceiling)?;
        if frame_ends {
            self.frame = Frame::START;
        }
        if message_ends { self.message.finish() } else { Ok(None) }
    }

    /// Makes a piece of the next bytes of the frame.
    pub(super) fn piece<'b>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Piece<'b>>, Error> {
        let Frame::Data { remaining, mask, fin } = &mut self.frame else { return Ok(None) };
        let available = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len());
        let bytes = take(input, self.message.piece_len(available));
        *remaining -= bytes.len() as u64;
        let frame_ends = *remaining == 0;
        let message_ends = frame_ends && *fin;
        let piece = self.message.piece(bytes, R::SERVER.then_some(mask), message_ends)?;
        if frame_ends {
            self.frame = Frame::START;
        }
        Ok(piece)
    }
}
