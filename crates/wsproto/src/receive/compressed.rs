//! Compressed messages on their way in (RFC 7692 section 6.2).

use alloc::vec::Vec;

use super::{Frame, Receiver, Step};
use crate::cursor::take;
use crate::deflate::{AT_ONCE, RSV1};
use crate::frame::Opcode;
use crate::handshake::DeflateAgreed;
use crate::message::{Message, unmask};
use crate::{DeflateTools, Error, Event, Piece, Role, Violation};

impl<R: Role> Receiver<R> {
    /// Lends an inflater, as [`Connection::lend_tools`](crate::Connection::lend_tools) does.
    pub fn lend_tools(&mut self, tools: &mut DeflateTools) {
        self.deflate.lend(tools);
    }

    /// Returns the inflater; see [`Connection::reclaim_tools`](crate::Connection::reclaim_tools).
    pub fn reclaim_tools(&mut self, tools: &mut DeflateTools) {
        self.deflate.reclaim(tools);
    }

    /// Returns whether compressed messages are possible, and no inflater is lent for them.
    #[inline]
    pub(crate) fn wants_tools(&self) -> bool {
        self.deflate.wants_tools()
    }

    /// Returns the parameters of permessage-deflate, if it is in use.
    #[must_use]
    pub fn deflate(&self) -> Option<DeflateAgreed> {
        self.deflate.agreed()
    }

    /// Returns the longest compressed message to receive, in bytes: a little more than the inflated one
    /// may have, for data that cannot be compressed. Without this limit, a message of empty blocks would
    /// never end.
    pub(super) fn max_compressed(&self) -> u64 {
        let limit = self.config.max_message_size;
        limit.saturating_add(limit / 1024).saturating_add(64)
    }

    /// Returns whether the frame whose header is at the front of `input`, or was begun before it,
    /// belongs to a compressed message.
    pub(super) fn is_compressed(&self, input: &[u8]) -> bool {
        let first = match &self.frame {
            Frame::Header { bytes, len: 1.. } => bytes.first(),
            _ => input.first(),
        };
        self.deflate.is_open()
            || matches!(self.message, Message::None) && first.is_some_and(|first| first & RSV1 != 0)
    }

    /// Begins a compressed message: its bytes are collected like those of a binary message.
    pub(super) fn begin_compressed(&mut self, opcode: Opcode) -> Opcode {
        self.deflate.begin(opcode);
        Opcode::Binary
    }

    /// Adds the next bytes of the frame to a compressed message; inflates it if they complete it.
    pub(super) fn assemble_compressed(
        &mut self,
        input: &mut &mut [u8],
    ) -> Result<Option<Event<'static>>, Error> {
        if self.deflate.is_streaming() {
            return self.skip_compressed(input).map(|()| None);
        }
        if let Frame::Data { remaining, mask, fin: true } = &mut self.frame
            && let Ok(len) = usize::try_from(*remaining)
            && len <= input.len()
            && self.message.size() == 0
        {
            // The message is all there: it need not be copied.
            let compressed = unmask(take(input, len), R::SERVER.then_some(mask));
            let inflated = self.deflate.inflate(compressed, self.config.max_message_size);
            self.end_compressed();
            return inflated.map_err(|error| self.too_big(error));
        }
        match self.assemble(input)? {
            Some(Event::Binary(compressed)) => {
                let inflated = self.deflate.inflate(&compressed, self.config.max_message_size);
                inflated.map_err(|error| self.too_big(error))
            }
            _ => Ok(None),
        }
    }

    /// Checks the rest of a message whose pieces are no longer wanted.
    fn skip_compressed(&mut self, input: &mut &mut [u8]) -> Result<(), Error> {
        while self.piece_compressed(input)?.is_some() && self.deflate.is_open() {}
        Ok(())
    }

    /// Makes the next piece of a compressed message; `None` if more input is needed.
    pub(super) fn piece_compressed(
        &mut self,
        input: &mut &mut [u8],
    ) -> Result<Option<Piece<'static>>, Error> {
        if !self.deflate.is_streaming() {
            let assembled = match self.message.take_assembled() {
                Some(Piece::Binary { bytes, .. }) => bytes.into_owned(),
                _ => Vec::new(),
            };
            self.deflate.begin_stream(assembled);
        }
        loop {
            let last = matches!(self.frame, Frame::Data { remaining: 0, fin: true, .. });
            if self.deflate.has_more() || last {
                let piece = self.deflate.piece(last, self.config.max_message_size);
                let piece = piece.map_err(|error| self.too_big(error))?;
                if !self.deflate.is_open() {
                    self.end_compressed();
                }
                if piece.is_some() || !self.deflate.is_open() {
                    return Ok(piece);
                }
                if self.deflate.has_more() || last {
                    continue;
                }
            }
            let Frame::Data { remaining, mask, fin } = &mut self.frame else { return Ok(None) };
            if *remaining == 0 {
                if !*fin {
                    self.frame = Frame::START;
                }
                return Ok(None);
            }
            if input.is_empty() {
                return Ok(None);
            }
            let len = usize::try_from(*remaining).unwrap_or(usize::MAX).min(AT_ONCE);
            let bytes = take(input, len);
            *remaining -= bytes.len() as u64;
            let counted = self.message.piece(bytes, R::SERVER.then_some(mask), false)?;
            if let Some(Piece::Binary { bytes, .. }) = counted {
                self.deflate.push(bytes.into_owned());
            }
        }
    }

    /// Advances to the next piece of the open message, or to a control frame within it.
    #[cold]
    pub(super) fn advance_compressed_piece<'b>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Piece<'b>>, Error> {
        loop {
            if self.deflate.is_open()
                && matches!(self.frame, Frame::Data { .. })
                && let Some(piece) = self.piece_compressed(input)?
            {
                return Ok(Some(piece));
            }
            match self.step(input)? {
                Step::Control(event) => return Ok(Some(event.into())),
                Step::NeedMore => return Ok(None),
                Step::Whole { .. } | Step::Data => {}
            }
        }
    }

    /// Ends a compressed message and its last frame.
    fn end_compressed(&mut self) {
        self.frame = Frame::START;
        self.message = Message::None;
    }

    /// Adds the details of a message that inflates beyond the limit.
    fn too_big(&mut self, error: Error) -> Error {
        if error == Error::MessageTooBig {
            let limit = self.config.max_message_size;
            self.frame = Frame::Failed(Violation::too_big(limit.saturating_add(1), limit));
        }
        error
    }
}
