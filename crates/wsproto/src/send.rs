//! The sending half: everything that is appended to an output.

#[cfg(feature = "deflate")]
mod deflated;

use alloc::vec::Vec;

use crate::closing::{Advice, Cause, Closing, Reply};
use crate::deflate::Sending;
use crate::frame::{Header, MAX_CONTROL_LEN, Opcode};
use crate::mask::Mask;
use crate::output::{Fragments, Payload};
use crate::{CloseCode, CloseFrame, Error, Event, Piece, PreparedMessage, Role, SendError, copy};

/// The sending half of a [`Connection`](crate::Connection).
///
/// Every method that sends appends whole frames to `out`, masked with a fresh key if this is the
/// client, or appends nothing and returns an error. `out` is never read or cleared.
#[derive(Debug)]
pub struct Sender<R> {
    role: R,
    closing: Closing,
    unfinished: Option<MessageType>,
    /// The code of the Close that was sent; 0 if none was.
    close_code: u16,
    #[cfg_attr(not(feature = "deflate"), expect(dead_code, reason = "it is empty"))]
    deflate: Sending,
}

/// The type of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MessageType {
    Text,
    Binary,
}

impl MessageType {
    const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

impl<R: Role> Sender<R> {
    pub(crate) const fn new(role: R, deflate: Sending) -> Self {
        Self { role, closing: Closing::Open, unfinished: None, close_code: 0, deflate }
    }

    /// Appends a text message in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] after a Close, [`SendError::UnfinishedMessage`] between fragments.
    #[inline]
    pub fn send_text(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.may_begin()?;
        self.message(Opcode::Text, text.as_bytes(), out);
        Ok(())
    }

    /// Appends a binary message in one frame.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    #[inline]
    pub fn send_binary(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.may_begin()?;
        self.message(Opcode::Binary, bytes, out);
        Ok(())
    }

    /// Appends a prepared message.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    pub fn send_prepared(
        &mut self,
        message: &PreparedMessage,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.may_begin()?;
        #[cfg(feature = "deflate")]
        if self.send_deflated_prepared(message, out) {
            return Ok(());
        }
        if R::SERVER {
            copy::append(message.frame(), out);
        } else {
            self.frame(true, message.opcode(), message.payload(), out);
        }
        Ok(())
    }

    /// Appends the next fragment of a text message, the last one if `fin`. The first begins the
    /// message; control frames may be sent between fragments (RFC 6455 section 5.4).
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] after a Close, [`SendError::UnfinishedMessage`] if fragments of a
    /// binary message were sent.
    pub fn send_text_fragment(
        &mut self,
        text: &str,
        fin: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.fragment(MessageType::Text, fin, text.as_bytes(), out)
    }

    /// Appends the next fragment of a binary message, the last one if `fin`.
    ///
    /// # Errors
    ///
    /// As [`send_text_fragment`](Self::send_text_fragment), with text and binary exchanged.
    pub fn send_binary_fragment(
        &mut self,
        bytes: &[u8],
        fin: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.fragment(MessageType::Binary, fin, bytes, out)
    }

    /// Appends only the header of a text message, 2 to 14 bytes; the caller writes the payload
    /// directly after it. A client must apply the returned mask to the bytes of the text; a server
    /// gets `None` and writes them unchanged.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    pub fn send_text_header(
        &mut self,
        text: &str,
        out: &mut Vec<u8>,
    ) -> Result<Option<Mask>, SendError> {
        self.may_begin()?;
        Ok(self.header(true, Opcode::Text, text.len() as u64, out))
    }

    /// Appends only the header of a binary message of `len` bytes, as
    /// [`send_text_header`](Self::send_text_header) does.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text), and [`SendError::TooLong`] from 2^63 bytes.
    pub fn send_binary_header(
        &mut self,
        len: u64,
        out: &mut Vec<u8>,
    ) -> Result<Option<Mask>, SendError> {
        self.may_begin()?;
        if len >> 63 != 0 {
            return Err(SendError::TooLong { len });
        }
        Ok(self.header(true, Opcode::Binary, len, out))
    }

    /// Appends only the header of a prepared message, as
    /// [`send_text_header`](Self::send_text_header) does; its payload is
    /// [`PreparedMessage::payload`].
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    pub fn send_prepared_header(
        &mut self,
        message: &PreparedMessage,
        out: &mut Vec<u8>,
    ) -> Result<Option<Mask>, SendError> {
        self.may_begin()?;
        Ok(self.header(true, message.opcode(), message.payload().len() as u64, out))
    }

    /// Makes a message that leaves in fragments of at most `size` bytes, compressed if that is shorter.
    pub(crate) fn fragments(
        &mut self,
        opcode: Opcode,
        payload: Payload,
        size: usize,
    ) -> Result<Fragments, SendError> {
        self.may_begin()?;
        #[cfg(feature = "deflate")]
        let (payload, rsv) = self.deflate_payload(payload);
        #[cfg(not(feature = "deflate"))]
        let rsv = 0;
        Ok(Fragments::new(payload, opcode, rsv, size, self.role.fork()))
    }

    /// Makes fragments of a prepared message, as [`fragments`](Self::fragments) does.
    pub(crate) fn prepared_fragments(
        &mut self,
        message: &PreparedMessage,
        size: usize,
    ) -> Result<Fragments, SendError> {
        self.may_begin()?;
        #[cfg(feature = "deflate")]
        let (payload, rsv) = self.prepared_payload(message);
        #[cfg(not(feature = "deflate"))]
        let (payload, rsv) = (message.into(), 0);
        Ok(Fragments::new(payload, message.opcode(), rsv, size, self.role.fork()))
    }

    /// Appends a Ping; allowed between the fragments of a message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] after a Close, [`SendError::ControlTooLong`] beyond 125 bytes.
    pub fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.control(Opcode::Ping, payload, out)
    }

    /// Appends an unsolicited Pong (section 5.5.3). Pings are answered without a call.
    ///
    /// # Errors
    ///
    /// As [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.control(Opcode::Pong, payload, out)
    }

    /// Begins the closing handshake: appends a Close with the given body, or an empty one. Appends
    /// nothing if a Close was sent before; an unfinished message stays unfinished. A server must
    /// not initiate with 1010, although it echoes it.
    ///
    /// # Errors
    ///
    /// [`SendError::ClientOnlyCode`] if a server passes close code 1010.
    pub fn close(
        &mut self,
        frame: Option<&CloseFrame<'_>>,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if R::SERVER && frame.is_some_and(|f| f.code() == CloseCode::MANDATORY_EXTENSION) {
            return Err(SendError::ClientOnlyCode);
        }
        self.advance(Cause::Local, frame, out);
        Ok(())
    }

    /// Appends the reply to an event: a Pong to a Ping, a Close with the same body to a Close. To
    /// any other event, and after a Close, appends nothing.
    #[inline]
    pub(crate) fn answer(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Ping(payload) => self.answer_ping(payload, out),
            Event::Close(frame) => self.advance(Cause::Peer, frame.as_ref(), out),
            Event::Text(_) | Event::Binary(_) | Event::Pong(_) => {}
        }
    }

    /// Appends the reply to a piece, as `answer` does to an event.
    #[inline]
    pub(crate) fn answer_piece(&mut self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        match piece {
            Piece::Ping(payload) => self.answer_ping(payload, out),
            Piece::Close(frame) => self.advance(Cause::Peer, frame.as_ref(), out),
            Piece::Text { .. } | Piece::Binary { .. } | Piece::Pong(_) => {}
        }
    }

    /// Appends the Close that reports a violation to the peer, unless a Close was sent before.
    pub(crate) fn fail(&mut self, error: Error, out: &mut Vec<u8>) {
        self.give_up(error.close_code(), "", out);
    }

    /// Gives up on the peer: appends a Close with the code and reason, and expects nothing more.
    pub(crate) fn give_up(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>) {
        let frame = CloseFrame::new(code, reason).ok();
        self.advance(Cause::Violation, frame.as_ref(), out);
    }

    /// Returns the state of the closing handshake.
    #[must_use]
    pub const fn closing(&self) -> Closing {
        self.closing
    }

    /// Returns the code of the Close that was sent: 1005 if it had none, `None` if none was sent.
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        (self.close_code != 0).then(|| CloseCode::from(self.close_code))
    }

    /// Returns the next step for the owner of the transport, once all output is written.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        self.closing.advice::<R>()
    }

    fn advance(&mut self, cause: Cause, frame: Option<&CloseFrame<'_>>, out: &mut Vec<u8>) {
        let (next, reply) = self.closing.next(cause);
        self.closing = next;
        if reply == Reply::Close {
            self.close_code = frame.map_or(CloseCode::NO_STATUS, CloseFrame::code).into();
            let mut payload = Vec::with_capacity(MAX_CONTROL_LEN);
            if let Some(frame) = frame {
                frame.encode(&mut payload);
            }
            self.frame(true, Opcode::Close, &payload, out);
        }
    }

    #[cold]
    fn answer_ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        // A received Ping is never longer; an event built by the application can be.
        if self.closing == Closing::Open && payload.len() <= MAX_CONTROL_LEN {
            self.frame(true, Opcode::Pong, payload, out);
        }
    }

    fn control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.may_send()?;
        if payload.len() > MAX_CONTROL_LEN {
            return Err(SendError::ControlTooLong { len: payload.len() });
        }
        self.frame(true, opcode, payload, out);
        Ok(())
    }

    fn fragment(
        &mut self,
        message_type: MessageType,
        fin: bool,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.may_send()?;
        let opcode = match self.unfinished {
            None => message_type.opcode(),
            Some(unfinished) if unfinished == message_type => Opcode::Continuation,
            Some(_) => return Err(SendError::UnfinishedMessage),
        };
        self.unfinished = (!fin).then_some(message_type);
        #[cfg(feature = "deflate")]
        if self.send_deflated_fragment(opcode, fin, payload, out) {
            return Ok(());
        }
        self.frame(fin, opcode, payload, out);
        Ok(())
    }

    #[inline]
    const fn may_send(&self) -> Result<(), SendError> {
        match self.closing {
            Closing::Open => Ok(()),
            _ => Err(SendError::Closed),
        }
    }

    #[inline]
    pub(crate) fn may_begin(&self) -> Result<(), SendError> {
        self.may_send()?;
        if self.unfinished.is_none() { Ok(()) } else { Err(SendError::UnfinishedMessage) }
    }

    #[inline]
    fn message(&mut self, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        #[cfg(feature = "deflate")]
        if self.deflate.wants(payload.len()) && self.send_deflated(opcode, payload, out) {
            return;
        }
        self.frame(true, opcode, payload, out);
    }

    #[inline]
    fn frame(&mut self, fin: bool, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        match self.header(fin, opcode, payload.len() as u64, out) {
            Some(mut mask) => mask.append(payload, out),
            // Whole: parts cost the encoding of a small frame 28 instructions.
            None => out.extend_from_slice(payload),
        }
    }

    #[inline]
    fn header(&mut self, fin: bool, opcode: Opcode, len: u64, out: &mut Vec<u8>) -> Option<Mask> {
        let mask = self.role.masking_key();
        Header { fin, rsv: 0, opcode, mask, len }.encode(out);
        mask.map(Mask::new)
    }
}
