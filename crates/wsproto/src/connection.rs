//! RFC 6455 after the opening handshake: bytes in, events out, replies appended.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::closing::{Advice, Closing};
use crate::cursor::aside;
use crate::deflate::Sending;
use crate::event::SmallMessage;
use crate::{
    Client, CloseFrame, Config, Error, Event, Extensions, Piece, Receiver, Role, SendError, Sender,
    Server, SplitSender, Violation,
};

/// One end of an open WebSocket connection.
///
/// It owns no buffers, so an idle connection holds no memory for them, and one buffer for each
/// direction can serve all connections of a thread:
///
/// ```
/// use wsproto::{Config, Connection, Event};
///
/// let mut ws = Connection::server(Config::default());
/// let mut buffer = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // the bytes read
/// let mut out = Vec::new(); // the bytes to write
///
/// let mut input = &mut buffer[..];
/// while let Some(event) = ws.next_event(&mut input, &mut out)? {
///     if let Event::Text(text) = event {
///         assert_eq!(text, "Hello");
///         ws.send_text(&text, &mut out)?;
///     }
/// }
/// assert_eq!(out, b"\x81\x05Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection<R> {
    receiver: Receiver<R>,
    sender: Sender<R>,
}

impl Connection<Server> {
    /// Creates the server's end of a connection; the next byte is the first after the opening
    /// handshake. Many connections can share one `Arc<Config>`.
    #[must_use]
    pub fn server(config: impl Into<Arc<Config>>) -> Self {
        Self::new(Server, config, Extensions::none())
    }
}

impl Connection<Client> {
    /// Creates the client's end of a connection; the next byte is the first after the opening
    /// handshake. The seed of the masking keys must come from the operating system, see
    /// [`Client::from_seed`].
    #[must_use]
    pub fn client(config: impl Into<Arc<Config>>, seed: [u8; 32]) -> Self {
        Self::new(Client::from_seed(seed), config, Extensions::none())
    }
}

impl<R: Role> Connection<R> {
    /// Creates a connection with the extensions negotiated in its opening handshake.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "the connection takes them over")]
    pub fn new(role: R, config: impl Into<Arc<Config>>, extensions: Extensions) -> Self {
        let config = config.into();
        let sender = Sender::new(role, Sending::new::<R>(&extensions, &config));
        Self { receiver: Receiver::new(config, &extensions), sender }
    }

    /// Takes the next event off the front of `input`, unmasking it in place; `None` when all of
    /// `input` was consumed without completing one (promise I1).
    ///
    /// Appends the reply to `out`: a Pong to a Ping, a Close to a Close. A reply never has more
    /// bytes than the frame it answers (a client's: three times as many), so a server that stops
    /// reading while many replies are unsent bounds the size of `out` (promise I3). A client must
    /// always read, or both ends could wait for each other; [`Endpoint`](crate::Endpoint) ensures
    /// this.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke; the Close that reports it is in `out`. The error is final, and
    /// every later call returns it again (promise I6).
    #[inline(always)]
    pub fn next_event<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'b>>, Error> {
        self.next_event_in_place(input, 0, out)
    }

    /// Takes the next event, as [`next_event`](Self::next_event) does, but leaves an incomplete
    /// frame of at most `most` bytes in `input` until it is whole. Fewer messages have to be
    /// reassembled by copying, and `None` may leave fewer than `most` bytes, with which the input
    /// of the next call must begin. See [`Receiver::next_event_in_place`] for the rules.
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    // Inlined, as all on the way of a small message: then its event can stay in registers.
    #[inline(always)]
    pub fn next_event_in_place<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'b>>, Error> {
        if let Some(message) = self.receiver.small_message(input) {
            return Ok(Some(message));
        }
        let result = aside(input, |input| self.receiver.next_event_by_steps(input, most));
        self.reply(&result, out);
        result
    }

    /// Takes the next event, as [`next_event_in_place`](Self::next_event_in_place) does, after
    /// [`small_message`](Self::small_message) has returned `None`.
    #[inline]
    pub(crate) fn next_event_by_steps<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'b>>, Error> {
        let result = self.receiver.next_event_inline(input, most);
        self.reply(&result, out);
        result
    }

    /// Appends the reply to what was received.
    #[inline]
    fn reply(&mut self, received: &Result<Option<Event<'_>>, Error>, out: &mut Vec<u8>) {
        match received {
            Ok(Some(event)) => self.sender.answer(event, out),
            Ok(None) => {}
            Err(error) => self.sender.fail(*error, out),
        }
    }

    /// Takes a small message that has arrived completely, while the connection is open. Everything
    /// else is left to [`next_event`](Self::next_event).
    #[inline(always)]
    pub(crate) fn small_message<'b, M: SmallMessage<'b>>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Option<M> {
        if self.closing() != Closing::Open {
            return None;
        }
        self.receiver.small_message(input)
    }

    /// Returns whether neither end has begun to close the connection, or broken a rule.
    #[inline]
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.closing(), Closing::Open) && self.violation().is_none()
    }

    /// Takes the next event, as [`next_event`](Self::next_event) does, but hands out messages in
    /// pieces as they arrive, in constant memory: for messages larger than memory, and for relays.
    ///
    /// The two may be mixed. If part of a message has been assembled, that part is the first piece;
    /// if part has been handed out, `next_event` skips the rest of the message.
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event). Pieces of a message may have been handed out before the
    /// message turns out to be invalid.
    pub fn next_piece<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Piece<'b>>, Error> {
        let result = self.receiver.next_piece(input);
        match &result {
            Ok(Some(piece)) => self.sender.answer_piece(piece, out),
            Ok(None) => {}
            Err(error) => self.sender.fail(*error, out),
        }
        result
    }

    /// Lends the memory of a large binary message to `read`, which appends the next bytes of the
    /// input; see [`Receiver::read_payload`].
    pub fn read_payload<T>(&mut self, read: impl FnOnce(&mut Vec<u8>) -> T) -> Option<T> {
        self.receiver.read_payload(read)
    }

    /// Returns whether the next event needs no more input; see [`Receiver::is_at_end_of_frame`].
    #[inline]
    pub(crate) const fn is_at_end_of_frame(&self) -> bool {
        self.receiver.is_at_end_of_frame()
    }

    /// Returns the rule that the peer broke, with its details; see [`Receiver::violation`].
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        self.receiver.violation()
    }

    /// Appends a text message; see [`Sender::send_text`].
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was appended.
    #[inline]
    pub fn send_text(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.sender.send_text(text, out)
    }

    /// Appends a binary message; see [`Sender::send_binary`].
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was appended.
    #[inline]
    pub fn send_binary(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.sender.send_binary(bytes, out)
    }

    /// Appends a Ping; see [`Sender::ping`].
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was appended.
    pub fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.sender.ping(payload, out)
    }

    /// Appends a Close, unless one was sent before; see [`Sender::close`].
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was appended.
    pub fn close(
        &mut self,
        frame: Option<&CloseFrame<'_>>,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.sender.close(frame, out)
    }

    /// Returns the sending half, for everything else that can be sent: fragments, separate headers,
    /// prepared messages, Pongs.
    pub fn sender(&mut self) -> &mut Sender<R> {
        &mut self.sender
    }

    /// Lends the codec states for compressed messages, until they are
    /// [reclaimed](Self::reclaim_tools): a loop lends its own before a connection receives or sends.
    /// Does nothing without permessage-deflate.
    ///
    /// ```
    /// use wsproto::handshake::DeflateOffer;
    /// use wsproto::{Config, Connection, Deflate, DeflateTools, Server};
    ///
    /// let wish = Deflate::new();
    /// let agreed = DeflateOffer::new(&wish).accept(&wish);
    /// let config = Config::new().deflate(Some(wish));
    /// let mut ws = Connection::new(Server, config, agreed.into());
    ///
    /// let mut tools = DeflateTools::new(); // one for a whole loop
    /// let mut out = Vec::new();
    /// ws.lend_tools(&mut tools);
    /// ws.send_text(&"to and fro, ".repeat(20), &mut out)?;
    /// ws.reclaim_tools(&mut tools);
    /// assert!(out.len() < 40);
    /// # Ok::<(), wsproto::SendError>(())
    /// ```
    #[cfg(feature = "deflate")]
    pub fn lend_tools(&mut self, tools: &mut crate::DeflateTools) {
        self.receiver.lend_tools(tools);
        self.sender.lend_tools(tools);
    }

    /// Returns whether compressed messages are possible, and no codec states are lent for them.
    #[cfg(feature = "deflate")]
    #[must_use]
    #[inline]
    pub fn wants_tools(&self) -> bool {
        self.receiver.wants_tools()
    }

    /// Returns the parameters of permessage-deflate, if it is in use.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<crate::handshake::DeflateAgreed> {
        self.receiver.deflate()
    }

    /// Takes back what [`lend_tools`](Self::lend_tools) lent; an inflater stays for the rest of a
    /// message that is handed out in pieces.
    #[cfg(feature = "deflate")]
    pub fn reclaim_tools(&mut self, tools: &mut crate::DeflateTools) {
        self.receiver.reclaim_tools(tools);
        self.sender.reclaim_tools(tools);
    }

    /// Splits the connection for two threads. The receiving thread passes every event and error on
    /// to the sending one, for [`SplitSender::answer`] or [`SplitSender::fail`].
    #[must_use]
    pub fn split(self) -> (Receiver<R>, SplitSender<R>) {
        (self.receiver, SplitSender::new(self.sender))
    }

    /// Returns the limits.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        self.receiver.config()
    }

    /// Returns the state of the closing handshake.
    #[must_use]
    pub const fn closing(&self) -> Closing {
        self.sender.closing()
    }

    /// Returns the code of the Close that was sent: 1005 if it had none, `None` if none was sent.
    #[must_use]
    pub fn close_code(&self) -> Option<crate::CloseCode> {
        self.sender.close_code()
    }

    /// Returns what to do with the transport once all output is written.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        self.sender.advice()
    }
}
