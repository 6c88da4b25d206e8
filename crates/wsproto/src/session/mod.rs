//! A whole life: opening handshake, open, closing, closed. Bytes and time in, events in order out.

mod client;
mod clock;
mod ending;
mod event;
mod handshake;
mod nanos;
mod rare;
mod server;
mod timer;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

pub use event::{SessionError, SessionEvent};

use crate::closing::{Advice, Closing, Initiator};
use crate::event::Received;
use crate::handshake::Agreed;
use crate::{
    CloseCode, CloseFrame, CloseInfo, Config, Connection, Error, Event, Piece, Role, SendError,
    Sender,
};
use handshake::{Handshake, Progress};
use nanos::Nanos;
use rare::Rare;
use timer::Timer;

/// One end of a WebSocket connection from its first byte to its last.
///
/// A [`Session<Server>`](crate::Server) begins by reading a request, and asks the application what
/// to answer; a [`Session<Client>`](crate::Client) begins by writing one. From then on they are
/// alike. Events come in this order: a server's request, [`Open`](SessionEvent::Open) once, what is
/// [`Received`](SessionEvent::Received), at most one [`Error`](SessionEvent::Error), and exactly one
/// [`Closed`](SessionEvent::Closed), last, on every path (promise I10).
///
/// The owner of the transport does four things, in any loop that suits it:
///
/// 1. It passes what it reads to [`next_event`](Self::next_event), until that returns `None`; and
///    calls [`end_of_input`](Self::end_of_input) when there is nothing more to read.
/// 2. It writes what is in `out`, whether or not it reads, and calls [`flushed`](Self::flushed) when all
///    of it is written. A server reads no more while much of what it *owes* is unwritten: Pongs, the
///    answer to a Close, answers to messages. A client always reads; nor do messages that an end sends
///    by itself ever stop its reading. So at most one end waits for the other.
/// 3. It calls [`handle_timeout`](Self::handle_timeout) at [`deadline`](Self::deadline), after at most
///    one more read: the answer may be there already. `now` is the time since any moment the caller
///    likes, the same for all calls.
/// 4. It does what [`advice`](Self::advice) says.
///
/// After any of these calls `next_event` may have something to report, even without input, and there may
/// be something to write. [`Endpoint`](crate::Endpoint) keeps account of all this and answers the
/// questions of a loop: may I read, must I write, may I let go, when again?
///
/// Two threads share a session, or an endpoint, behind a lock, which neither holds while it waits for
/// the transport. A session does not split: keep-alive, closing and the order of events need both halves.
///
/// ```
/// use std::time::Duration;
/// use wsproto::handshake::Accept;
/// use wsproto::{Config, Event, Session, SessionEvent, Advice};
///
/// let now = Duration::ZERO;
/// let mut session = Session::server(Config::default(), now);
/// let mut out = Vec::new();
///
/// // One read may bring the request and the first frames behind it: a text and a Close.
/// let mut buffer = *b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
///     \x81\x82\0\0\0\0Hi\x88\x80\0\0\0\0";
/// let mut input = &mut buffer[..];
/// while let Some(event) = session.next_event(now, &mut input, &mut out) {
///     match event {
///         SessionEvent::Upgrade => {
///             assert_eq!(session.request().map(|request| request.path()), Some("/chat"));
///             session.accept(&Accept::new(), now, &mut out)?;
///         }
///         SessionEvent::Received(Event::Text(text)) => {
///             session.sender()?.send_text(&text, &mut out)?;
///         }
///         _ => {}
///     }
/// }
/// // The answer to the handshake, the echo, and the answer to the Close; a server ends first.
/// assert!(out.starts_with(b"HTTP/1.1 101 ") && out.ends_with(b"\x81\x02Hi\x88\x00"));
/// assert_eq!(session.advice(), Advice::Shutdown);
///
/// out.clear();
/// session.flushed(now); // all of it is written
/// let Some(SessionEvent::Closed(info)) = session.next_event(now, &mut &mut [][..], &mut out) else {
///     unreachable!()
/// };
/// assert!(info.was_clean);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session<R: Role> {
    stage: Stage<R>,
    config: Arc<Config>,
    timer: Timer,
    /// The latest time that was told.
    now: Nanos,
    rare: Option<Box<Rare>>,
    /// How many microseconds the answer to the last Ping took; [`NEVER`] if there was none.
    round_trip: u32,
    /// Why the next call cannot take the short way: [`OPENED`](Self::OPENED) and others, or nothing.
    detour: u8,
}

/// No time at all, and as much as can be measured.
const NEVER: u32 = u32::MAX;

/// Where in its life a session is.
#[derive(Debug)]
enum Stage<R: Role> {
    /// In the opening handshake.
    Handshake(Box<dyn Handshake<R>>),
    /// Open, or in the closing handshake.
    Open(Connection<R>),
    /// The opening handshake ended in an ordinary HTTP response, on its way to the peer.
    Answered,
    /// The transport has ended, or is to be dropped.
    Ended,
}

/// How far a connection has got, as the browser's `WebSocket.readyState` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReadyState {
    /// In the opening handshake.
    Connecting = 0,
    /// Messages can be sent.
    Open = 1,
    /// A Close was sent or received, or the peer broke a rule.
    Closing = 2,
    /// The transport has ended, or the connection never opened.
    Closed = 3,
}

impl<R: Role> Session<R> {
    /// It is to be reported that the session is open, before anything else.
    const OPENED: u8 = 1;
    /// The bytes that arrive are counted, because a Pong is missing.
    const AWAITS_PONG: u8 = 2;
    /// The end was reported, or is to be reported next.
    const OVER: u8 = 4;
    /// The decision on a request comes later.
    const POSTPONED: u8 = 8;

    fn begin(handshake: impl Handshake<R> + 'static, config: Arc<Config>, now: Duration) -> Self {
        let now = now.into();
        let timer = Timer::handshake(now, &config);
        let stage = Stage::Handshake(Box::new(handshake));
        Self { stage, config, timer, now, rare: None, round_trip: NEVER, detour: 0 }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn drop_blank_rare(&mut self) {
        self.rare.take_if(|rare| **rare == Rare::default());
    }

    /// Takes the next event off the front of `input`, unmasking it in place; `None` when there is
    /// none and all of `input` was consumed. Replies are appended to `out`, as
    /// [`Connection::next_event`] says.
    #[inline]
    pub fn next_event<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
    ) -> Option<SessionEvent<Event<'b>>> {
        self.next_event_in_place(now, input, 0, out)
    }

    /// As [`next_event`](Self::next_event), but once the session is open, a frame that is cut waits in
    /// `input`: `None` may leave fewer than `most` bytes there, as [`Receiver::next_event_in_place`] says.
    /// Before [`end_of_input`](Self::end_of_input), take them with `next_event`.
    ///
    /// [`Receiver::next_event_in_place`]: crate::Receiver::next_event_in_place
    #[inline]
    pub fn next_event_in_place<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Option<SessionEvent<Event<'b>>> {
        // What most calls do, where the compiler can see it: to move an event out of here costs as much as
        // to make it.
        if let Stage::Open(connection) = &mut self.stage
            && self.detour == 0
            && let Some(message) = connection.small_message(input, out)
        {
            self.now = self.now.max(now.into());
            return Some(match message {
                Ok(message) => SessionEvent::Received(message),
                Err(error) => self.broken(error),
            });
        }
        self.next_event_by_steps(now, input, most, out)
    }

    fn next_event_by_steps<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Option<SessionEvent<Event<'b>>> {
        let before = input.len();
        self.watch_closing(now);
        let event = self.advance(now, input, out, |connection, input, out| {
            connection.next_event_in_place(input, most, out)
        });
        self.timer.count(before - input.len());
        self.limit_closing();
        event
    }

    /// As [`next_event`](Self::next_event), but hands out messages in pieces, as
    /// [`Connection::next_piece`] says.
    pub fn next_piece<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
    ) -> Option<SessionEvent<Piece<'b>>> {
        let before = input.len();
        self.watch_closing(now);
        let event = self.advance(now, input, out, Connection::next_piece);
        self.timer.count(before - input.len());
        self.limit_closing();
        event
    }

    fn advance<'b, E: Received>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
        next: impl Fn(&mut Connection<R>, &mut &'b mut [u8], &mut Vec<u8>) -> Result<Option<E>, Error>,
    ) -> Option<SessionEvent<E>> {
        if let Some(report) = self.next_report() {
            return Some(report);
        }
        match &mut self.stage {
            Stage::Handshake(handshake) => match handshake.advance(now, input, out, &self.config) {
                Progress::NeedMore | Progress::Postponed => None,
                Progress::Upgrade => Some(SessionEvent::Upgrade),
                Progress::Http => Some(SessionEvent::Http),
                Progress::Open(connection, agreed) => {
                    self.open(connection, agreed, now);
                    self.next_report()
                }
                Progress::Failed(error) => {
                    if error.is_refusal() {
                        self.end(Initiator::Remote);
                    }
                    self.answered(now);
                    Some(SessionEvent::Error(error))
                }
                Progress::Undecided => {
                    self.answered(now);
                    *input = &mut [];
                    None
                }
            },
            Stage::Open(connection)
                if connection.closing() != Closing::Failed && self.detour & Self::OVER == 0 =>
            {
                match next(connection, input, out) {
                    Ok(event) => event.map(|event| {
                        self.observe(&event, now);
                        SessionEvent::Received(event)
                    }),
                    Err(error) => Some(self.broken(error)),
                }
            }
            Stage::Open(_) | Stage::Answered | Stage::Ended => {
                *input = &mut [];
                None
            }
        }
    }

    /// The peer broke a rule.
    #[cold]
    fn broken<E>(&mut self, error: Error) -> SessionEvent<E> {
        self.end(Initiator::Local);
        self.limit_closing();
        self.conclude_if_written();
        let violation = match &self.stage {
            Stage::Open(connection) => connection.violation().cloned(),
            _ => None,
        };
        SessionEvent::Error(SessionError::Protocol(violation.unwrap_or(error.into())))
    }

    fn next_report<E>(&mut self) -> Option<SessionEvent<E>> {
        if self.detour & Self::OPENED != 0 {
            self.detour &= !Self::OPENED;
            return Some(SessionEvent::Open);
        }
        let rare = self.rare.as_mut()?;
        if let Some(error) = rare.error.take() {
            return Some(SessionEvent::Error(error));
        }
        if !mem::take(&mut rare.closed) {
            return None;
        }
        let unknown = || Box::new(CloseInfo::abnormal(Initiator::Remote));
        let end = rare.end.take().unwrap_or_else(unknown);
        self.drop_blank_rare();
        Some(SessionEvent::Closed(*end))
    }

    /// Rare what the rest of the session depends on.
    fn observe(&mut self, event: &impl Received, now: Duration) {
        if let Some(payload) = event.pong()
            && let Some(sent) = self.timer.answered(payload, now.into(), &self.config)
        {
            self.detour &= !Self::AWAITS_PONG;
            let micros = now.saturating_sub(sent.into()).as_micros();
            self.round_trip = u32::try_from(micros).unwrap_or(NEVER - 1).min(NEVER - 1);
        }
        if let Some(frame) = event.close() {
            let end = self.end(Initiator::Remote);
            end.code = frame.map_or(CloseCode::NO_STATUS, CloseFrame::code);
            end.reason = frame.map_or_else(String::new, |frame| frame.reason().into());
            self.conclude_if_written();
        }
    }

    /// Our Close was written before the closing went on: nothing is left to wait for.
    fn conclude_if_written(&mut self) {
        if self.rare.as_ref().is_some_and(|rare| rare.close_written) {
            self.conclude(self.now);
        }
    }

    fn open(&mut self, connection: Connection<R>, agreed: Agreed, now: Duration) {
        self.keep_response();
        self.now = now.into();
        self.stage = Stage::Open(connection);
        if agreed != Agreed::default() {
            self.rare().agreed = agreed;
        }
        self.timer = Timer::keep_alive(self.now, &self.config);
        self.detour = Self::OPENED;
    }

    /// Keeps the response that ends a client's handshake.
    fn keep_response(&mut self) {
        if let Stage::Handshake(handshake) = &mut self.stage
            && let Some(response) = handshake.take_response()
        {
            self.rare().response = Some(response);
        }
    }

    /// Returns the sending half, for everything that can be sent.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] in the opening handshake, [`SendError::Closed`] after the end.
    pub fn sender(&mut self) -> Result<&mut Sender<R>, SendError> {
        match &mut self.stage {
            Stage::Open(_) if self.detour & Self::OVER != 0 => Err(SendError::Closed),
            Stage::Open(connection) => Ok(connection.sender()),
            Stage::Handshake(_) => Err(SendError::NotOpen),
            Stage::Answered | Stage::Ended => Err(SendError::Closed),
        }
    }

    /// Returns what to do with the transport.
    ///
    /// May change after every call that takes `&mut self`.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match &self.stage {
            Stage::Handshake(_) => Advice::KeepOpen,
            Stage::Open(connection) => connection.advice(),
            Stage::Answered => Advice::Shutdown,
            Stage::Ended if matches!(self.timer, Timer::Off) => Advice::Drop,
            Stage::Ended => Advice::Flush,
        }
    }

    /// How far the connection has got.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        match &self.stage {
            _ if self.detour & Self::OVER != 0 => ReadyState::Closed,
            Stage::Handshake(_) => ReadyState::Connecting,
            Stage::Open(connection) if connection.closing() == Closing::Open => ReadyState::Open,
            Stage::Open(_) => ReadyState::Closing,
            Stage::Answered | Stage::Ended => ReadyState::Closed,
        }
    }

    /// Whether the session is over: its end was reported, or is what it reports next.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.detour & Self::OVER != 0
    }

    /// Whether this is a server's session whose client has sent nothing yet: one that opened a transport in
    /// advance, or a health check.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        matches!(&self.stage, Stage::Handshake(handshake) if handshake.is_blank())
    }

    /// Returns the subprotocol in use.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.rare.as_ref()?.agreed.subprotocol.as_deref()
    }

    /// Returns the extensions in use.
    #[must_use]
    pub fn extensions(&self) -> &[crate::handshake::Extension] {
        self.rare.as_ref().map_or(&[], |rare| &rare.agreed.extensions)
    }

    /// Returns how long the answer to the last Ping of the keep-alive took, to the microsecond.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        (self.round_trip != NEVER).then(|| Duration::from_micros(self.round_trip.into()))
    }

    /// Returns the limits and deadlines.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }
}
