//! The state of the receiving half of a connection for compressed messages.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::inflater::{CHUNK, Inflater, Progress, Stop};
use super::ring::Ring;
use super::stream::{PIECE, Stream};
use super::{DeflateTools, WindowBits};
use crate::frame::Opcode;
use crate::handshake::DeflateAgreed;
use crate::utf8::{self, Utf8};
use crate::{Config, Error, Event, Extensions, Piece, Role};

/// RSV1, at its position in the first byte of a frame.
pub(crate) const RSV1: u8 = 0x40;

/// The state of receiving compressed messages; without the extension, nothing.
#[derive(Debug)]
pub(crate) struct Receiving(Option<Box<Inflating>>);

#[derive(Debug)]
struct Inflating {
    agreed: DeflateAgreed,
    /// The last bytes of the inflated messages, to which the peer may refer.
    window: Ring,
    takeover: bool,
    own_states: bool,
    /// Whether the inflater is in the state after the last message, so that it need not be loaded.
    loaded: bool,
    /// Whether a loop lends its inflater at the moment; if not, one is made for each message.
    lent: bool,
    /// The type of the open message, if it is compressed.
    open: Option<Opcode>,
    inflater: Option<Box<Inflater>>,
    stream: Option<Box<Stream>>,
}

impl Receiving {
    pub(crate) fn new<R: Role>(extensions: &Extensions, config: &Config) -> Self {
        let Some(agreed) = extensions.deflate() else { return Self(None) };
        let peer = if R::SERVER { agreed.client } else { agreed.server };
        Self(Some(Box::new(Inflating {
            agreed,
            window: Ring::new(peer.window),
            takeover: peer.takeover,
            own_states: config.deflate.is_some_and(|deflate| deflate.own_states),
            loaded: false,
            lent: false,
            open: None,
            inflater: None,
            stream: None,
        })))
    }

    /// Returns the reserved bits that the extension owns.
    #[inline]
    pub(crate) const fn reserved_bits(&self) -> u8 {
        if self.0.is_some() { RSV1 } else { 0 }
    }

    /// Returns the agreed parameters.
    pub(crate) fn agreed(&self) -> Option<DeflateAgreed> {
        self.0.as_ref().map(|inflating| inflating.agreed)
    }

    /// Returns whether a loop could lend its inflater.
    #[inline]
    pub(crate) fn wants_tools(&self) -> bool {
        self.0.as_ref().is_some_and(|inflating| !inflating.lent && !inflating.own_states)
    }

    /// Begins a compressed message.
    pub(crate) fn begin(&mut self, opcode: Opcode) {
        if let Some(inflating) = &mut self.0 {
            inflating.open = Some(opcode);
        }
    }

    /// Returns whether the open message is compressed.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.0.as_ref().is_some_and(|inflating| inflating.open.is_some())
    }

    /// Returns whether pieces of the open message were handed out.
    pub(crate) fn is_streaming(&self) -> bool {
        self.0.as_ref().is_some_and(|inflating| inflating.stream.is_some())
    }

    /// Drops an open message and the window.
    pub(crate) fn fail(&mut self) {
        if let Some(inflating) = &mut self.0 {
            (inflating.open, inflating.stream, inflating.loaded) = (None, None, false);
            inflating.window.clear();
            if !inflating.lent {
                inflating.inflater = None;
            }
        }
    }

    /// Lends the inflater.
    pub(crate) fn lend(&mut self, tools: &mut DeflateTools) {
        if let Some(inflating) = &mut self.0
            && !inflating.own_states
        {
            inflating.lent = true;
            if inflating.inflater.is_none() {
                inflating.inflater = tools.inflater.take();
            }
        }
    }

    /// Returns the inflater, unless it is this connection's own, or a message is handed out in
    /// pieces.
    pub(crate) fn reclaim(&mut self, tools: &mut DeflateTools) {
        if let Some(inflating) = &mut self.0
            && mem::take(&mut inflating.lent)
            && inflating.stream.is_none()
            && let Some(inflater) = inflating.inflater.take()
        {
            tools.inflater = Some(inflater);
        }
    }

    /// Inflates a complete message, of at most `limit` bytes.
    pub(crate) fn inflate(
        &mut self,
        compressed: &[u8],
        limit: u64,
    ) -> Result<Option<Event<'static>>, Error> {
        let Some(inflating) = &mut self.0 else { return Err(Error::ReservedBit) };
        let Some(opcode) = inflating.open.take() else { return Ok(None) };
        inflating.inflate(opcode, compressed, limit).map(Some)
    }

    /// Switches the open message to pieces; `compressed` holds the bytes of it that have arrived.
    pub(crate) fn begin_stream(&mut self, compressed: Vec<u8>) {
        if let Some(inflating) = &mut self.0 {
            inflating.begin();
            let mut stream = Box::<Stream>::default();
            stream.push(compressed);
            inflating.stream = Some(stream);
        }
    }

    /// Adds compressed bytes to a message that is handed out in pieces.
    pub(crate) fn push(&mut self, compressed: Vec<u8>) {
        if let Some(inflating) = &mut self.0
            && let Some(stream) = &mut inflating.stream
        {
            stream.push(compressed);
        }
    }

    /// Returns whether a piece can be made without more input.
    pub(crate) fn has_more(&self) -> bool {
        let stream = self.0.as_ref().and_then(|inflating| inflating.stream.as_ref());
        stream.is_some_and(|stream| stream.has_more())
    }

    /// Makes the next piece; `fin` if all compressed bytes of the message were pushed. `None` if
    /// more of them are needed.
    pub(crate) fn piece(&mut self, fin: bool, limit: u64) -> Result<Option<Piece<'static>>, Error> {
        match &mut self.0 {
            Some(inflating) => inflating.piece(fin, limit),
            None => Ok(None),
        }
    }
}

impl Inflating {
    /// Brings the inflater to the state after the last message.
    fn begin(&mut self) {
        if !self.loaded {
            let inflater = self.inflater.get_or_insert_with(|| Box::new(Inflater::new()));
            inflater.load(&self.window.parts());
        }
        // Until the message has ended well.
        self.loaded = false;
    }

    /// Ends a message that inflated well.
    fn end(&mut self, progress: &Progress) {
        self.open = None;
        self.loaded = self.own_states && self.takeover && !progress.is_finished();
        if !self.own_states && !self.lent {
            self.inflater = None;
        }
        if !self.takeover {
            self.window.clear();
        }
    }

    fn inflate(
        &mut self,
        opcode: Opcode,
        mut compressed: &[u8],
        limit: u64,
    ) -> Result<Event<'static>, Error> {
        self.begin();
        let mut message = Assembly::new(opcode);
        let mut progress = Progress::default();
        let lent = self.inflater.take();
        let mut inflater = lent.unwrap_or_else(|| Box::new(Inflater::new()));
        let [older, newer] = self.window.parts();
        let result = loop {
            let most = chunk_size(message.len(), limit, CHUNK);
            let [recent, begun] = message.recent();
            let history = [older, newer, recent, begun];
            let (len, stop) =
                inflater.inflate(&mut compressed, true, most, &mut progress, &history);
            let chunk = inflater.chunk(len);
            let ends = stop == Ok(Stop::End);
            if let Err(error) = message.push(chunk, limit, ends).and(stop) {
                break Err(error);
            }
            if ends {
                break message.finish();
            }
        };
        self.inflater = Some(inflater);
        let event = result?;
        if self.takeover {
            self.window.push(payload(&event));
        }
        self.end(&progress);
        Ok(event)
    }

    fn piece(&mut self, fin: bool, limit: u64) -> Result<Option<Piece<'static>>, Error> {
        let (Some(stream), Some(opcode)) = (&mut self.stream, self.open) else { return Ok(None) };
        let inflater = self.inflater.get_or_insert_with(|| Box::new(Inflater::new()));
        let (bytes, taken) = stream.take();
        let mut input = bytes.get(taken..).unwrap_or_default();
        let most = chunk_size(stream.written, limit, PIECE);
        let history = self.window.parts();
        let (len, stop) = inflater.inflate(&mut input, fin, most, &mut stream.progress, &history);
        let left = input.len();
        stream.keep(bytes, left);
        let chunk = inflater.chunk(len);
        let within = usize::try_from(limit.saturating_sub(stream.written)).unwrap_or(usize::MAX);
        let allowed = chunk.get(..within).unwrap_or(chunk);
        stream.written += len as u64;
        let ends = stop == Ok(Stop::End);
        let piece = if opcode == Opcode::Text {
            let (character, text) = stream.utf8.push(allowed)?;
            if ends && allowed.len() == len {
                stream.utf8.finish()?;
            }
            let mut whole = String::with_capacity(text.len() + 4);
            whole.extend(character);
            whole.push_str(text);
            (ends || !whole.is_empty()).then_some(Piece::Text { text: whole.into(), fin: ends })
        } else {
            let bytes = || Cow::Owned(allowed.to_vec());
            (ends || !allowed.is_empty()).then(|| Piece::Binary { bytes: bytes(), fin: ends })
        };
        if allowed.len() < len {
            return Err(Error::MessageTooBig);
        }
        self.window.push(chunk);
        stream.full = stop? == Stop::Full;
        if ends {
            let progress = mem::take(&mut stream.progress);
            self.stream = None;
            self.end(&progress);
        }
        Ok(piece)
    }
}

/// Returns how many bytes to inflate next: one more than the limit allows, to notice that it is
/// exceeded.
fn chunk_size(written: u64, limit: u64, most: usize) -> usize {
    let left = limit.saturating_sub(written).saturating_add(1);
    usize::try_from(left).unwrap_or(usize::MAX).min(most)
}

fn payload<'e>(event: &'e Event<'_>) -> &'e [u8] {
    match event {
        Event::Text(text) => text.as_bytes(),
        Event::Binary(bytes) => bytes,
        _ => &[],
    }
}

/// A message that is being inflated.
enum Assembly {
    Text { text: String, utf8: Utf8 },
    Binary(Vec<u8>),
}

impl Assembly {
    const fn new(opcode: Opcode) -> Self {
        match opcode {
            Opcode::Text => Self::Text { text: String::new(), utf8: Utf8::new() },
            _ => Self::Binary(Vec::new()),
        }
    }

    fn len(&self) -> u64 {
        match self {
            Self::Text { text, utf8 } => (text.len() + utf8.begun().len()) as u64,
            Self::Binary(bytes) => bytes.len() as u64,
        }
    }

    /// Returns the newest bytes, about a window of them, in two parts.
    fn recent(&self) -> [&[u8]; 2] {
        let (bytes, begun) = match self {
            Self::Text { text, utf8 } => (text.as_bytes(), utf8.begun()),
            Self::Binary(bytes) => (&bytes[..], &[][..]),
        };
        let from = bytes.len().saturating_sub(WindowBits::MAX.bytes());
        [bytes.get(from..).unwrap_or_default(), begun]
    }

    /// Adds inflated bytes, the last ones if `ends`. Room for more is made by doubling.
    fn push(&mut self, chunk: &[u8], limit: u64, ends: bool) -> Result<(), Error> {
        let within = usize::try_from(limit.saturating_sub(self.len())).unwrap_or(usize::MAX);
        let allowed = chunk.get(..within).unwrap_or(chunk);
        let room = if ends { 0 } else { allowed.len().min(within - allowed.len()) };
        match self {
            Self::Binary(bytes) => {
                if bytes.is_empty() {
                    bytes.reserve_exact(allowed.len() + room);
                }
                bytes.extend_from_slice(allowed);
            }
            // The usual case: all of the text is there.
            Self::Text { text, utf8 }
                if ends
                    && allowed.len() == chunk.len()
                    && text.is_empty()
                    && utf8.is_complete() =>
            {
                *text = utf8::text(allowed)?.into();
            }
            Self::Text { text, utf8 } => {
                let (character, rest) = utf8.push(allowed)?;
                if text.is_empty() {
                    text.reserve_exact(allowed.len() + room);
                }
                text.extend(character);
                text.push_str(rest);
            }
        }
        if allowed.len() < chunk.len() { Err(Error::MessageTooBig) } else { Ok(()) }
    }

    fn finish(self) -> Result<Event<'static>, Error> {
        Ok(match self {
            Self::Text { text, utf8 } => {
                utf8.finish()?;
                Event::Text(Cow::Owned(text))
            }
            Self::Binary(bytes) => Event::Binary(Cow::Owned(bytes)),
        })
    }
}
