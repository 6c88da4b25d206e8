//! The receiving half: frames in, events out, nothing written.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::marker::PhantomData;
use core::mem;

use crate::control::Control;
use crate::cursor::take;
use crate::frame::{Expect, Header, MAX_HEADER_LEN, NextData, Opcode};
use crate::mask::Mask;
use crate::message::{Message, unmask};
use crate::{CloseFrame, Config, Error, Event, Extensions, Piece, Role, Violation, utf8};

/// The receiving half of a [`Connection`](crate::Connection).
///
/// It makes every decision about incoming bytes and writes nothing: a
/// [`SplitSender`](crate::SplitSender), perhaps in another thread, appends the replies that its
/// events and errors call for.
#[derive(Debug)]
pub struct Receiver<R> {
    frame: Frame,
    message: Message,
    config: Arc<Config>,
    extensions: Extensions,
    role: PhantomData<R>,
}

/// The position of the next byte within a frame.
#[derive(Debug)]
enum Frame {
    /// In the header, of which `bytes` holds the first `len`.
    Header { bytes: [u8; MAX_HEADER_LEN - 1], len: u8 },
    /// In the payload of a data frame.
    Data { remaining: u64, mask: Mask, fin: bool },
    /// In the payload of a control frame.
    Control(Box<Control>),
    /// After the peer's Close.
    Closed,
    /// After a violation by the peer.
    Failed(Violation),
}

impl Frame {
    const START: Self = Self::Header { bytes: [0; MAX_HEADER_LEN - 1], len: 0 };
}

/// The meaning of the next bytes, before messages are assembled or handed out in pieces.
enum Step<'b> {
    /// All input was consumed and nothing was completed.
    NeedMore,
    /// A control frame.
    Control(Event<'b>),
    /// A whole message in a single piece, unmasked.
    Whole { opcode: Opcode, payload: &'b [u8] },
    /// The rest of the frame belongs to the open message.
    Data,
}

impl<R: Role> Receiver<R> {
    /// Creates a receiver whose next byte is the first after the opening handshake.
    pub(crate) fn new(config: Arc<Config>, extensions: Extensions) -> Self {
        Self { frame: Frame::START, message: Message::None, config, extensions, role: PhantomData }
    }

    /// Returns the limits.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Returns the violation behind the error, once an error has been returned.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        match &self.frame {
            Frame::Failed(violation) => Some(violation),
            _ => None,
        }
    }

    /// Takes the next event off the front of `input`, unmasking it in place; `None` when all of
    /// `input` was consumed without completing one (promise I1).
    ///
    /// If [`next_piece`](Self::next_piece) has handed out part of a message, the rest of that
    /// message is checked and skipped.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke. It is final, and every later call returns it again.
    #[inline]
    pub fn next_event<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, Error> {
        self.next_event_in_place(input, 0)
    }

    /// Takes the next event, as [`next_event`](Self::next_event) does, for callers with a buffer
    /// for each connection: an incomplete frame stays in `input` until it is whole, or at least
    /// `most` bytes of it have arrived. So a message in one frame of at most `most` bytes,
    /// including its header, is never copied, however reads have cut it; longer ones are
    /// reassembled from fewer parts.
    ///
    /// `None` leaves fewer than `most` bytes in `input`, and the next call's input must begin with
    /// them: move them to the front of the buffer, and read behind them. A larger buffer allows
    /// larger reads.
    ///
    /// `most` must fit: from the front of `input` to the end of the buffer there must be room for
    /// `most` bytes. Otherwise a frame can fill the buffer and wait forever, and a read into no
    /// space returns 0 bytes, which looks like the end of the transport. With a small buffer, a
    /// ring buffer, or a buffer whose bytes are not moved to the front before each read, pass the
    /// smaller of `most` and that room: a frame that fills the room is then consumed, and the next
    /// read begins at the front.
    ///
    /// An invalid header is refused at its first wrong byte, as always, but invalid text only when
    /// it is consumed. When the input has ended, or the wait has been long enough, `next_event`
    /// consumes the remaining bytes, because its `most` is 0; the two may be mixed. Once part of a
    /// header or a control frame has been consumed, the rest of it is no longer left in `input`.
    ///
    /// ```
    /// use wsproto::{Config, Connection, Event};
    ///
    /// let wire = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x82\x82\0\0\0\0Hi";
    /// let (mut receiver, _) = Connection::server(Config::default()).split();
    ///
    /// let mut buffer = [0; 2048];
    /// let mut held = 0; // how many bytes are kept in front
    /// let mut events = Vec::new();
    /// for read in wire.chunks(4) {
    ///     let end = held + read.len();
    ///     buffer[held..end].copy_from_slice(read);
    ///
    ///     let mut input = &mut buffer[..end];
    ///     while let Some(event) = receiver.next_event_in_place(&mut input, 1024)? {
    ///         events.push(event.into_owned());
    ///     }
    ///     held = input.len();
    ///     buffer.copy_within(end - held..end, 0);
    /// }
    /// assert_eq!(events, [Event::Text("Hello".into()), Event::Binary(b"Hi"[..].into())]);
    /// # Ok::<(), wsproto::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    #[inline]
    pub fn next_event_in_place<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        most: usize,
    ) -> Result<Option<Event<'b>>, Error> {
        let result = self.advance(input, most);
        if let Err(error) = result {
            self.fail(error, input);
        }
        result
    }

    /// Takes the next event, as [`next_event`](Self::next_event) does, but hands out messages in
    /// pieces as they arrive, in constant memory.
    ///
    /// If part of a message has already been assembled, that part is the first piece.
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event). Pieces of a message may have been handed out before the
    /// message turns out to be invalid.
    pub fn next_piece<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Piece<'b>>, Error> {
        let result = self.advance_piece(input);
        if let Err(error) = result {
            self.fail(error, input);
        }
        result
    }

    #[inline]
    fn advance<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        most: usize,
    ) -> Result<Option<Event<'b>>, Error> {
        if let Some(message) = self.small_message(input) {
            return message.map(Some);
        }
        self.advance_by_steps(input, most)
    }

    /// Returns whether `input` ends before the current frame does.
    fn is_cut(&self, input: &[u8]) -> bool {
        let left = match self.frame {
            Frame::Header { len: 0, .. } => match Header::parse(input, &self.expect()) {
                Ok(Some((header, size))) => header.len.saturating_add(size as u64),
                Ok(None) => u64::MAX,
                Err(_) => 0,
            },
            Frame::Data { remaining, .. } => remaining,
            _ => 0,
        };
        (input.len() as u64) < left
    }

    fn advance_by_steps<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        most: usize,
    ) -> Result<Option<Event<'b>>, Error> {
        loop {
            if input.len() < most && self.is_cut(input) {
                return Ok(None);
            }
            match self.step(input)? {
                Step::Whole { opcode, payload } => return message(opcode, payload).map(Some),
                Step::Control(event) => return Ok(Some(event)),
                Step::NeedMore => return Ok(None),
                Step::Data => {
                    if let Some(message) = self.assemble(input)? {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }

    fn advance_piece<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Piece<'b>>, Error> {
        if let Some(piece) = self.message.take_assembled() {
            return Ok(Some(piece));
        }
        loop {
            return Ok(Some(match self.step(input)? {
                Step::Whole { opcode, payload } => message(opcode, payload)?.into(),
                Step::Control(event) => event.into(),
                Step::NeedMore => return Ok(None),
                Step::Data => match self.piece(input)? {
                    Some(piece) => piece,
                    None => continue,
                },
            }));
        }
    }

    /// Makes the error final and releases all other state.
    #[cold]
    pub(crate) fn fail(&mut self, error: Error, input: &mut &mut [u8]) {
        if self.violation().is_none() {
            self.frame = Frame::Failed(self.explain(error, input));
        }
        self.message = Message::None;
        *input = &mut [];
    }

    /// Adds the details of an error in the next header.
    fn explain(&self, error: Error, input: &[u8]) -> Violation {
        let header = match &self.frame {
            Frame::Header { len: 0, .. } => input,
            Frame::Header { bytes, len } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            _ => return error.into(),
        };
        match error {
            Error::MessageTooBig => {
                let least = Header::announced(header, &self.expect());
                let size = self.message.size();
                if least > self.config.max_frame_size {
                    Violation::too_big(least, self.config.max_frame_size)
                } else {
                    Violation::too_big(size.saturating_add(least), self.config.max_message_size)
                }
            }
            Error::TooManyFragments => Violation::too_many_fragments(self.config.max_fragments),
            error => error.into(),
        }
    }

    /// Takes a small message that has arrived completely, as most do. Everything else, valid or
    /// not, is left to [`step`](Self::step).
    #[inline]
    pub(crate) fn small_message<'b>(
        &self,
        input: &mut &'b mut [u8],
    ) -> Option<Result<Event<'b>, Error>> {
        let (Frame::Header { len: 0, .. }, Message::None) = (&self.frame, &self.message) else {
            return None;
        };
        let (header, size) = Header::parse_small(input, R::SERVER)?;
        let end = usize::try_from(header.len).ok()? + size;
        if end > input.len() || header.len > self.max_len(0) {
            return None;
        }
        let (_, payload) = take(input, end).split_at_mut_checked(size)?;
        Some(message(header.opcode, unmask(payload, header.mask.map(Mask::new).as_mut())))
    }

    /// Advances to the next complete event, or to the next bytes of an open message.
    #[inline]
    fn step<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Step<'b>, Error> {
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
        let expect = self.expect();
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
    fn expect(&self) -> Expect {
        let (data, size) = match &self.message {
            Message::None => (NextData::First, 0),
            open if open.fragments() >= self.config.max_fragments => (NextData::Exhausted, 0),
            open => (NextData::Next, open.size()),
        };
        Expect {
            masked: R::SERVER,
            rsv: self.extensions.reserved_bits(),
            data,
            max_len: self.max_len(size),
        }
    }

    /// Returns the maximum payload of the next frame, given that `size` bytes of its message have
    /// arrived.
    #[inline]
    fn max_len(&self, size: u64) -> u64 {
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
        let alone = control || header.fin && matches!(self.message, Message::None);
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
                self.message.begin_frame(header.opcode);
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
                Event::Close(frame)
            }
        })
    }

    /// Adds the next bytes of the frame to the open message; returns the message if they complete
    /// it.
    fn assemble(&mut self, input: &mut &mut [u8]) -> Result<Option<Event<'static>>, Error> {
        let limit = self.config.max_message_size;
        let Frame::Data { remaining, mask, fin } = &mut self.frame else { return Ok(None) };
        let bytes = take(input, usize::try_from(*remaining).unwrap_or(usize::MAX));
        let most = if *fin { self.message.size().saturating_add(*remaining) } else { limit };
        let ceiling = usize::try_from(most).unwrap_or(usize::MAX);
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
    fn piece<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Piece<'b>>, Error> {
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

/// Turns a whole message into an event.
#[inline]
fn message(opcode: Opcode, payload: &[u8]) -> Result<Event<'_>, Error> {
    if opcode == Opcode::Text {
        return Ok(Event::Text(Cow::Borrowed(utf8::text(payload)?)));
    }
    Ok(Event::Binary(Cow::Borrowed(payload)))
}
