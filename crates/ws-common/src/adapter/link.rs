//! An endpoint joined with a transport, and its events for an application.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IoSlice};
use std::mem;
use std::time::Duration;

use wsproto::handshake::ResponseError;
use wsproto::{
    Advice, CloseInfo, Endpoint, Event, MessageRef, ReadyState, Role, SendError, SessionError,
    SessionEvent,
};

use super::logging::trace;
use super::socket::limit_unsent;
use super::{Outgoing, Transport, lend_outbox};
use crate::{Error, InvalidAnswer, Message, SendStatus};

/// About how many bytes a sending call writes to make room. The limit matters on event loops, whose other
/// connections wait meanwhile.
const MAKE_ROOM: usize = 1 << 20;

/// How many slices are written at once.
const MOST_SLICES: usize = 16;

/// One end of a connection: its endpoint and its transport.
#[derive(Debug)]
pub struct Link<R: Role, T> {
    endpoint: Endpoint<R>,
    transport: T,
}

/// An event for an application. The rare ones are boxed, so that a message moves in whole words.
#[derive(Debug)]
pub enum Step {
    /// A request waits for a decision (server).
    Request,
    /// The connection is open.
    Open,
    /// A message was received.
    Message(Message),
    /// A Ping was received, with this payload. It is answered.
    Ping(Box<[u8]>),
    /// A Pong was received, with this payload.
    Pong(Box<[u8]>),
    /// A frame that does not concern the application was received, such as a Close.
    Other,
    /// The connection failed. [`Closed`](Self::Closed) follows.
    Error(Box<Error>),
    /// The connection is closed.
    Closed(Box<CloseInfo>),
}

impl<R: Role, T: Transport> Link<R, T> {
    /// Creates a link of an endpoint and a transport, whose socket gets the limit of
    /// [`Config::max_unsent`](wsproto::Config::max_unsent).
    pub fn new(endpoint: Endpoint<R>, transport: T) -> Self {
        if let (Some(bytes), Some(socket)) =
            (endpoint.session().config().max_unsent, transport.socket())
        {
            limit_unsent(&socket, bytes);
        }
        Self { endpoint, transport }
    }

    /// Returns the endpoint.
    pub const fn endpoint(&self) -> &Endpoint<R> {
        &self.endpoint
    }

    /// Returns the endpoint.
    pub const fn endpoint_mut(&mut self) -> &mut Endpoint<R> {
        &mut self.endpoint
    }

    /// Returns the transport.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// Returns the transport.
    pub const fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Returns whether the output may wait for more: the transport accepts none at the moment, or at most a quarter of
    /// the high-water mark is unwritten.
    #[inline]
    pub fn may_wait(&self) -> bool {
        let most = self.endpoint.session().config().high_water_mark / 4;
        self.transport.is_blocked() || self.endpoint.unwritten() <= most
    }

    /// Returns both.
    pub(super) const fn parts_mut(&mut self) -> (&mut Endpoint<R>, &mut T) {
        (&mut self.endpoint, &mut self.transport)
    }

    /// Returns the transport and drops the endpoint.
    pub(super) fn into_transport(self) -> T {
        self.transport
    }

    /// Returns the next event, and advances `input` past the bytes it consumed. Call it until it returns
    /// `None`.
    #[inline]
    pub fn next(&mut self, now: Duration, input: &mut &mut [u8]) -> Option<Step> {
        match self.next_small_message(input) {
            Some(message) => Some(Step::Message(message)),
            None => self.next_other(now, input),
        }
    }

    /// Takes the most frequent event, a small message; see [`Endpoint::next_small_message`].
    #[inline(always)]
    pub fn next_small_message(&mut self, input: &mut &mut [u8]) -> Option<Message> {
        match self.endpoint.next_small_message(input)? {
            MessageRef::Text(text) => Some(self.own_text(text.into())),
            MessageRef::Binary(bytes) => Some(self.own_binary(bytes.into())),
        }
    }

    /// As [`next_small_message`](Self::next_small_message), without a copy.
    #[inline(always)]
    pub fn next_small_message_ref<'b>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Option<MessageRef<'b>> {
        let message = self.endpoint.next_small_message(input)?;
        trace!("received a message of {} bytes", message.as_bytes().len());
        Some(message)
    }

    /// Returns the next event, after [`next_small_message`](Self::next_small_message) has returned `None`.
    #[inline]
    pub(crate) fn next_other(&mut self, now: Duration, input: &mut &mut [u8]) -> Option<Step> {
        #[cfg(feature = "deflate")]
        return self.with_tools(|link| link.take_other(now, input));
        #[cfg(not(feature = "deflate"))]
        self.take_other(now, input)
    }

    #[inline]
    fn take_other(&mut self, now: Duration, input: &mut &mut [u8]) -> Option<Step> {
        let event = self.endpoint.next_other_event(now, input)?;
        Some(self.step(event))
    }

    /// Returns the step of any event but a small message.
    #[cold]
    fn step(&mut self, event: SessionEvent<Event<'_>>) -> Step {
        match event {
            SessionEvent::Received(Event::Text(text)) => Step::Message(self.own_text(text)),
            SessionEvent::Received(Event::Binary(bytes)) => Step::Message(self.own_binary(bytes)),
            SessionEvent::Received(Event::Ping(payload)) => Step::Ping((*payload).into()),
            SessionEvent::Received(Event::Pong(payload)) => Step::Pong((*payload).into()),
            SessionEvent::Received(_) => Step::Other,
            SessionEvent::Upgrade | SessionEvent::Http => Step::Request,
            SessionEvent::Open => Step::Open,
            SessionEvent::Error(error) => Step::Error(Box::new(self.explain(error))),
            SessionEvent::Closed(info) => Step::Closed(Box::new(info)),
        }
    }

    #[inline(always)]
    fn own_text(&mut self, text: Cow<'_, str>) -> Message {
        trace!("received a text of {} bytes", text.len());
        Message::Text(self.endpoint.own_text(text))
    }

    #[inline(always)]
    fn own_binary(&mut self, bytes: Cow<'_, [u8]>) -> Message {
        trace!("received {} bytes", bytes.len());
        Message::Binary(self.endpoint.own_binary(bytes))
    }

    /// Converts a refused upgrade to [`Error::Http`], and an invalid answer to [`Error::InvalidAnswer`]: both contain
    /// what the server has sent.
    fn explain(&mut self, error: SessionError) -> Error {
        let SessionError::Response(error) = error else { return error.into() };
        let answer = match self.endpoint.take_response().map(Box::new) {
            Some(response) if matches!(error, ResponseError::Status(_)) => {
                return Error::Http(response);
            }
            Some(response) => InvalidAnswer::Response(response),
            None => {
                InvalidAnswer::Bytes(self.endpoint.take_unparsed_response().unwrap_or_default())
            }
        };
        Error::InvalidAnswer { error, answer }
    }

    /// Reports that reading failed. Returns the error for the application. Returns `None` if the connection
    /// is closing or closed, or if a server has received no byte of a request and the transport failed.
    pub fn input_failed(&mut self, error: io::Error) -> Option<Error> {
        let error = Error::from(error);
        let worth_telling = match self.endpoint.ready_state() {
            ReadyState::Open => true,
            ReadyState::Connecting => {
                !self.endpoint.session().is_blank() || !matches!(error, Error::Io(_))
            }
            ReadyState::Closing | ReadyState::Closed => false,
        };
        self.endpoint.transport_failed();
        worth_telling.then_some(error)
    }

    /// Writes pending output until none is left, the transport is blocked, or `most` bytes are written. When
    /// all is written and the endpoint advises [`Advice::Shutdown`], ends the writing side.
    #[inline]
    pub fn write(&mut self, now: Duration, most: usize) -> Written {
        let written = self.write_output(now, most);
        if written == Written::All && self.endpoint.advice() == Advice::Shutdown {
            self.transport.shutdown();
        }
        written
    }

    #[inline]
    fn write_output(&mut self, now: Duration, most: usize) -> Written {
        if self.endpoint.unwritten() == 0 {
            return Written::All;
        }
        self.write_some(now, most)
    }

    fn write_some(&mut self, now: Duration, most: usize) -> Written {
        let mut left = most;
        loop {
            let [first, second] = self.endpoint.pending_slices();
            if first.is_empty() {
                return Written::All;
            }
            if left == 0 {
                return Written::Limit;
            }
            if self.transport.is_blocked() {
                self.endpoint.write_blocked();
                return Written::Blocked;
            }
            // While the peer reads, a socket accepts much more at a time than its buffer holds.
            let written = if second.is_empty() || first.len() >= left {
                self.transport.try_write(first.get(..left).unwrap_or(first))
            } else {
                let pending = self.endpoint.pending_slices::<MOST_SLICES>();
                let mut slices = [IoSlice::new(&[]); MOST_SLICES];
                self.transport.try_write_vectored(limited(&pending, left, &mut slices))
            };
            match written {
                Ok(len @ 1..) => {
                    self.endpoint.wrote(len, now);
                    left = left.saturating_sub(len);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.endpoint.write_blocked();
                    return Written::Blocked;
                }
                // If the peer is gone, reading will fail; until then, its last messages can be read.
                Ok(_) | Err(_) => self.endpoint.write_failed(),
            }
        }
    }

    /// Appends a message or a Ping to the output. If there is no room, first writes up to 1 MiB. The status
    /// is `Queued` if the transport is known to be blocked; the endpoint then reports when all is written
    /// ([`Endpoint::take_drained`]).
    ///
    /// # Errors
    ///
    /// Nothing is appended on an error. [`Error::WouldExceed`] without a message if there is no room,
    /// [`Error::Send`] if the connection is not open or the payload of a Ping too long, [`Error::Io`] if
    /// writing has failed.
    #[inline]
    pub fn send(
        &mut self,
        outgoing: &mut Outgoing<'_>,
        now: impl FnOnce() -> Duration,
    ) -> Result<SendStatus, Error> {
        lend_outbox(&mut self.endpoint);
        if !self.endpoint.has_room() {
            self.make_room(now())?;
        }
        self.send_promised(outgoing)
    }

    /// Appends as [`send`](Self::send) does, whether or not there is room: for an adapter that has promised room for
    /// one message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but never [`Error::WouldExceed`].
    #[inline]
    pub fn send_promised(&mut self, outgoing: &mut Outgoing<'_>) -> Result<SendStatus, Error> {
        let endpoint = &mut self.endpoint;
        if endpoint.has_failed() && endpoint.ready_state() == ReadyState::Open {
            return Err(io::Error::from(ErrorKind::BrokenPipe).into());
        }
        #[cfg(feature = "deflate")]
        self.with_tools(|link| link.append(outgoing))?;
        #[cfg(not(feature = "deflate"))]
        self.append(outgoing)?;
        if self.transport.is_blocked() {
            self.endpoint.await_drained();
            return Ok(SendStatus::Queued);
        }
        Ok(SendStatus::Sent)
    }

    /// Appends a message or a Ping to the output.
    #[inline]
    fn append(&mut self, outgoing: &mut Outgoing<'_>) -> Result<(), SendError> {
        let endpoint = &mut self.endpoint;
        match outgoing {
            Outgoing::Owned(Message::Text(text)) => endpoint.send_text(mem::take(text)),
            Outgoing::Owned(Message::Binary(bytes)) => endpoint.send_binary(mem::take(bytes)),
            #[cfg(feature = "deflate")]
            Outgoing::Plain(Message::Text(text)) => endpoint.send_plain_text(mem::take(text)),
            #[cfg(feature = "deflate")]
            Outgoing::Plain(Message::Binary(bytes)) => endpoint.send_plain_binary(mem::take(bytes)),
            Outgoing::Text(text) => endpoint.send_text(*text),
            Outgoing::Binary(bytes) => endpoint.send_binary(*bytes),
            #[cfg(feature = "bytes")]
            Outgoing::Bytes(bytes) => endpoint.send_bytes(bytes),
            Outgoing::Prepared(message) => endpoint.send_prepared(message),
            Outgoing::Ping(payload) => endpoint.ping(payload),
        }
    }

    /// Writes to make room for a message. A closing connection accepts no message; waiting for room would
    /// not help it, so that is no error here.
    #[cold]
    fn make_room(&mut self, now: Duration) -> Result<(), Error> {
        self.write(now, MAKE_ROOM);
        let endpoint = &mut self.endpoint;
        if endpoint.has_room() || endpoint.ready_state() != ReadyState::Open {
            return Ok(());
        }
        endpoint.await_drained();
        Err(Error::WouldExceed(None))
    }
}

/// Returns the pending slices up to the first empty one, at most `most` bytes of them.
fn limited<'s, 'p>(
    pending: &[&'p [u8]],
    most: usize,
    slices: &'s mut [IoSlice<'p>],
) -> &'s [IoSlice<'p>] {
    let (mut count, mut left) = (0, most);
    for (slice, bytes) in slices.iter_mut().zip(pending) {
        let bytes = bytes.get(..left).unwrap_or(bytes);
        if bytes.is_empty() {
            break;
        }
        *slice = IoSlice::new(bytes);
        (count, left) = (count + 1, left - bytes.len());
    }
    slices.get(..count).unwrap_or_default()
}

/// The outcome of [`Link::write`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// No output is left: it is written, or was discarded because writing failed.
    All,
    /// Output is left, and the transport accepts no more at the moment.
    Blocked,
    /// Output is left: the limit of bytes is reached, and the transport may accept more.
    Limit,
}

#[cfg(test)]
mod tests;
