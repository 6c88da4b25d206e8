//! The receiving half: frames in, events out, nothing written.

#[cfg(feature = "deflate")]
mod compressed;
mod direct;
mod frames;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::marker::PhantomData;

use crate::control::Control;
use crate::cursor::{aside, take};
use crate::deflate::Receiving;
use crate::event::SmallMessage;
use crate::frame::{Header, MAX_HEADER_LEN, Opcode};
use crate::mask::Mask;
use crate::message::{Message, unmask};
use crate::{Config, Error, Event, Extensions, Piece, Role, Violation, utf8};

/// How many bytes of a frame that is too long to wait in the input are consumed at once, at least.
const LONG_PART: usize = 4 << 10;

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
    deflate: Receiving,
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
    pub(crate) fn new(config: Arc<Config>, extensions: &Extensions) -> Self {
        let deflate = Receiving::new::<R>(extensions, &config);
        Self { frame: Frame::START, message: Message::None, config, deflate, role: PhantomData }
    }

    /// Returns the limits.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Returns the violation that caused the error, once an error has been returned.
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
    #[inline(always)]
    pub fn next_event<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, Error> {
        self.next_event_in_place(input, 0)
    }

    /// Takes the next event, as [`next_event`](Self::next_event) does, for callers with a buffer
    /// for each connection: a frame of at most `most` bytes, including its header, stays in `input`
    /// until it is whole. So a message in one such frame is never copied, however reads have cut
    /// it. A longer frame is consumed in parts of at least 4 KiB (or `most`, or the rest of it),
    /// which stay in the first-level cache.
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
    #[inline(always)]
    pub fn next_event_in_place<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        most: usize,
    ) -> Result<Option<Event<'b>>, Error> {
        if let Some(message) = self.small_message(input) {
            return Ok(Some(message));
        }
        aside(input, |input| self.next_event_by_steps(input, most))
    }

    /// Takes the next event, which is no small message.
    #[inline(never)]
    pub(crate) fn next_event_by_steps<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        most: usize,
    ) -> Result<Option<Event<'b>>, Error> {
        self.next_event_inline(input, most)
    }

    /// Takes the next event, as [`next_event_by_steps`](Self::next_event_by_steps) does, for callers
    /// outside the path of small messages: the result stays in registers, which saves several
    /// nanoseconds.
    #[inline(always)]
    pub(crate) fn next_event_inline<'b>(
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

    /// Returns whether more of the current frame must arrive before it is consumed: `input`, of fewer
    /// than `most` bytes, ends before the frame does.
    fn is_cut(&self, input: &[u8], most: usize) -> bool {
        let left = match self.frame {
            Frame::Header { len: 0, .. } => match Header::parse(input, &self.expect(input)) {
                Ok(Some((header, size))) => header.len.saturating_add(size as u64),
                Ok(None) => u64::MAX,
                Err(_) => 0,
            },
            Frame::Data { remaining, .. } => remaining,
            _ => 0,
        };
        // A frame that does not fit, or has been consumed in part, is copied anyway.
        let is_copied = left > most as u64 || matches!(self.frame, Frame::Data { .. });
        let least = if is_copied { left.min(most.min(LONG_PART) as u64) } else { left };
        (input.len() as u64) < least
    }

    #[inline(always)]
    fn advance<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        most: usize,
    ) -> Result<Option<Event<'b>>, Error> {
        loop {
            if input.len() < most && self.is_cut(input, most) {
                return Ok(None);
            }
            match self.step(input)? {
                Step::Whole { opcode, payload } => return message(opcode, payload).map(Some),
                Step::Control(event) => return Ok(Some(event)),
                Step::NeedMore => return Ok(None),
                #[cfg(feature = "deflate")]
                Step::Data if self.deflate.is_open() => {
                    if let Some(message) = self.assemble_compressed(input)? {
                        return Ok(Some(message));
                    }
                }
                Step::Data => {
                    if let Some(message) = self.assemble(input)? {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }

    fn advance_piece<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Piece<'b>>, Error> {
        #[cfg(feature = "deflate")]
        if self.deflate.is_open() {
            return self.advance_compressed_piece(input);
        }
        if let Some(piece) = self.message.take_assembled() {
            return Ok(Some(piece));
        }
        loop {
            return Ok(Some(match self.step(input)? {
                Step::Whole { opcode, payload } => message(opcode, payload)?.into(),
                Step::Control(event) => event.into(),
                Step::NeedMore => return Ok(None),
                #[cfg(feature = "deflate")]
                Step::Data if self.deflate.is_open() => match self.piece_compressed(input)? {
                    Some(piece) => piece,
                    None => return self.advance_compressed_piece(input),
                },
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
        #[cfg(feature = "deflate")]
        self.deflate.fail();
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
                let least = Header::announced(header, &self.expect(header));
                let size = self.message.size();
                if least > self.config.max_frame_size {
                    Violation::too_big(least, self.config.max_frame_size)
                } else {
                    Violation::too_big(size.saturating_add(least), self.max_wire(header))
                }
            }
            Error::TooManyFragments => Violation::too_many_fragments(self.config.max_fragments),
            error => error.into(),
        }
    }

    /// Takes a small message that has arrived completely, as most do. Everything else, valid or
    /// not, is left to [`step`](Self::step), which also returns the error of an invalid text.
    #[inline(always)]
    pub(crate) fn small_message<'b, M: SmallMessage<'b>>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Option<M> {
        let (Frame::Header { len: 0, .. }, Message::None) = (&self.frame, &self.message) else {
            return None;
        };
        let (header, size) = Header::parse_small(input, R::SERVER)?;
        let end = usize::try_from(header.len).ok()? + size;
        if end > input.len() || header.len > self.max_len(0) {
            return None;
        }
        let (_, payload) = take(input, end).split_at_mut_checked(size)?;
        if header.opcode == Opcode::Binary {
            let payload = unmask(payload, header.mask.map(Mask::new).as_mut());
            return Some(M::binary(payload));
        }
        let ascii = match header.mask {
            Some(key) => Mask::new(key).apply_and_find_ascii(payload),
            None => utf8::is_short_ascii(payload),
        };
        let text = if ascii { utf8::ascii(payload) } else { utf8::text(payload) };
        text.map(M::text).map_err(|error| self.fail(error.into(), input)).ok()
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
