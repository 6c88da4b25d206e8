//! A connection from first byte to last: opening handshake, open, closing, closed. Bytes and time
//! in, ordered events out.

mod client;
mod clock;
mod ending;
mod event;
mod handshake;
mod keep_alive;
mod nanos;
mod rare;
mod receiving;
mod server;
mod timer;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

pub use event::{SessionError, SessionEvent};

use crate::closing::{Advice, Closing};
use crate::frame::MAX_CONTROL_LEN;
use crate::handshake::Agreed;
use crate::{Config, Connection, Extensions, Role, SendError, Sender};
use handshake::Handshake;
use nanos::Nanos;
use rare::Rare;
use timer::Timer;

/// One end of a WebSocket connection from its first byte to its last.
///
/// A [`Session<Server>`](crate::Server) begins by reading a request, and asks the application for
/// the response; a [`Session<Client>`](crate::Client) begins by writing a request. From then on
/// they behave alike. Events come in this order: the request (server only),
/// [`Open`](SessionEvent::Open) once, any number of [`Received`](SessionEvent::Received), at most
/// one [`Error`](SessionEvent::Error), and exactly one [`Closed`](SessionEvent::Closed), last, on
/// every path (promise I10).
///
/// The owner of the transport has four duties, in any loop:
///
/// 1. Pass the bytes it reads to [`next_event`](Self::next_event) until that returns `None`; call
///    [`end_of_input`](Self::end_of_input) when nothing more can be read.
/// 2. Write the bytes in `out`, whether or not it reads, and call [`flushed`](Self::flushed) when all of
///    them are written. A server stops reading while many of its *replies* are unwritten: Pongs, the
///    answering Close, answers to messages. A client always reads; and messages that either end sends
///    on its own initiative never stop its reading. So at most one end waits for the other.
/// 3. Call [`handle_timeout`](Self::handle_timeout) at [`deadline`](Self::deadline), after at most one
///    more read, because the awaited bytes may already have arrived. `now` is the time since any fixed
///    moment, the same for all calls.
/// 4. Follow [`advice`](Self::advice).
///
/// After any of these calls `next_event` may have an event to report, even without input, and there
/// may be bytes to write. [`Endpoint`](crate::Endpoint) does this bookkeeping and answers the
/// questions of a loop: may I read, must I write, may I drop the transport, when must I call again?
///
/// Two threads share a session, or an endpoint, behind a lock that neither holds while waiting for
/// the transport. A session does not split: keep-alive, closing and the order of events need both
/// halves.
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
/// // One read may bring the request and the first frames after it: a text and a Close.
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
    /// The latest time passed in.
    now: Nanos,
    rare: Option<Box<Rare>>,
    /// The answer that ended a client's handshake, until it is taken; nothing in a server's session.
    answer: Option<R::Answer>,
    /// The round-trip time of the last Ping in microseconds; [`UNMEASURED`] if there is none.
    round_trip: u32,
    /// While a Pong is outstanding: how many bytes at the front of the next input were already
    /// counted.
    counted: u16,
    /// [`OPENED`](Self::OPENED) and others, or 0. Each but [`FRAGMENTS`](Self::FRAGMENTS) is a reason
    /// why the next call cannot take the fast path.
    flags: u8,
}

/// The round-trip time before any Pong arrived; also an upper bound for measured ones.
const UNMEASURED: u32 = u32::MAX;

/// The stage of a session's life.
#[derive(Debug)]
enum Stage<R: Role> {
    /// In the opening handshake.
    Handshake(Box<dyn Handshake<R>>),
    /// Open, or in the closing handshake.
    Open(Connection<R>),
    /// The opening handshake ended in an ordinary HTTP response, still on its way to the peer.
    Answered,
    /// The transport has ended, or must be dropped.
    Ended,
}

/// The state of a connection, as in the browser's `WebSocket.readyState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReadyState {
    /// In the opening handshake.
    Connecting = 0,
    /// Messages can be sent.
    Open = 1,
    /// A Close was sent or received, or the peer broke a rule.
    Closing = 2,
    /// The connection is over, or never opened. Its transport may linger.
    Closed = 3,
}

impl<R: Role> Session<R> {
    /// The opening must be reported before anything else.
    const OPENED: u8 = 1;
    /// Incoming bytes are counted, because a Pong is outstanding.
    const AWAITS_PONG: u8 = 2;
    /// The end was reported, or must be reported next.
    const OVER: u8 = 4;
    /// The application postponed its decision on a request.
    const POSTPONED: u8 = 8;
    /// Long messages leave in fragments; see [`Config::fragment_size`].
    const FRAGMENTS: u8 = 16;

    fn begin(handshake: impl Handshake<R> + 'static, config: Arc<Config>, now: Duration) -> Self {
        let now = now.into();
        let timer = Timer::handshake(now, &config);
        Self::at(Stage::Handshake(Box::new(handshake)), config, timer, now)
    }

    fn at(stage: Stage<R>, config: Arc<Config>, timer: Timer, now: Nanos) -> Self {
        Self {
            stage,
            config,
            timer,
            now,
            rare: None,
            answer: None,
            round_trip: UNMEASURED,
            counted: 0,
            flags: 0,
        }
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn drop_blank_rare(&mut self) {
        self.rare.take_if(|rare| **rare == Rare::default());
    }

    /// Creates a session whose opening handshake other code has carried out, with the result of the
    /// negotiation: on a connection that a web server hands over after
    /// [`Accept::answer`](crate::handshake::Accept::answer), or on a stream of HTTP/2 (RFC 8441). It
    /// is open and reports [`Open`](SessionEvent::Open) first; the next byte is the first after the
    /// handshake. [`Endpoint::new`](crate::Endpoint::new) takes it over.
    ///
    /// A client's role is made by [`Client::from_seed`](crate::Client::from_seed).
    ///
    /// ```
    /// use std::time::Duration;
    /// use wsproto::handshake::Agreed;
    /// use wsproto::{Config, Server, Session, SessionEvent};
    ///
    /// let now = Duration::ZERO;
    /// let mut session = Session::opened(Server, Config::default(), Agreed::default(), now);
    /// let mut out = Vec::new();
    /// session.sender()?.send_text("Hi", &mut out)?;
    /// assert_eq!(out, b"\x81\x02Hi");
    /// assert_eq!(session.next_event(now, &mut &mut [][..], &mut out), Some(SessionEvent::Open));
    /// # Ok::<(), wsproto::SendError>(())
    /// ```
    #[must_use]
    pub fn opened(role: R, config: impl Into<Arc<Config>>, agreed: Agreed, now: Duration) -> Self {
        let mut session = Self::at(Stage::Ended, config.into(), Timer::Off, now.into());
        session.open_as(role, agreed, now);
        session
    }

    /// Opens the connection after a complete handshake.
    fn open(&mut self, agreed: Agreed, now: Duration) {
        self.keep_answer();
        if let Stage::Handshake(handshake) = &mut self.stage
            && let Some(role) = handshake.take_role()
        {
            self.open_as(role, agreed, now);
        }
    }

    fn open_as(&mut self, role: R, mut agreed: Agreed, now: Duration) {
        self.now = now.into();
        let extensions = Extensions::take(&mut agreed);
        self.stage = Stage::Open(Connection::new(role, Arc::clone(&self.config), extensions));
        if agreed != Agreed::default() {
            self.rare().agreed = agreed;
        }
        self.timer = Timer::keep_alive(self.now, &self.config);
        let fragments = self.config.fragment_size.map_or(0, |_| Self::FRAGMENTS);
        self.flags = Self::OPENED | fragments;
    }

    /// Keeps the answer that ended a client's handshake.
    fn keep_answer(&mut self) {
        if let Stage::Handshake(handshake) = &mut self.stage {
            self.answer = handshake.take_answer();
        }
    }

    /// Returns the sending half, for everything that can be sent.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] in the opening handshake, [`SendError::Closed`] after the end.
    pub fn sender(&mut self) -> Result<&mut Sender<R>, SendError> {
        match &mut self.stage {
            Stage::Open(connection) if self.flags & Self::OVER == 0 => Ok(connection.sender()),
            Stage::Handshake(_) => Err(SendError::NotOpen),
            Stage::Open(_) | Stage::Answered | Stage::Ended => Err(SendError::Closed),
        }
    }

    /// Returns the sending half while messages can be sent in one frame each; otherwise the session is not
    /// open, or has a [fragment size](Self::fragment_size).
    #[inline]
    pub(crate) fn one_frame_sender(&mut self) -> Option<&mut Sender<R>> {
        match &mut self.stage {
            Stage::Open(open) if self.flags & (Self::OVER | Self::FRAGMENTS) == 0 => {
                Some(open.sender())
            }
            _ => None,
        }
    }

    /// Returns the longest payload of a data frame to send, in bytes, if there is a limit.
    pub(crate) fn fragment_size(&self) -> Option<usize> {
        Some(self.config.fragment_size?.max(MAX_CONTROL_LEN))
    }

    /// Returns the next step for the owner of the transport.
    ///
    /// It may change after every call that takes `&mut self`.
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

    /// Returns the state of the connection.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        match &self.stage {
            _ if self.flags & Self::OVER != 0 => ReadyState::Closed,
            Stage::Handshake(_) => ReadyState::Connecting,
            Stage::Open(connection) if connection.closing() == Closing::Open => ReadyState::Open,
            Stage::Open(_) => ReadyState::Closing,
            Stage::Answered | Stage::Ended => ReadyState::Closed,
        }
    }

    /// Returns whether the session is over: its end was reported, or is reported next.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.flags & Self::OVER != 0
    }

    /// Returns whether this is a server's session whose client has sent nothing yet: a speculative
    /// connection or a health check.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        matches!(&self.stage, Stage::Handshake(handshake) if handshake.is_blank())
    }

    /// Returns the subprotocol in use.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.rare.as_ref()?.agreed.subprotocol.as_deref()
    }

    /// Returns the extensions in use in the order in which they apply to data: permessage-deflate, if the
    /// engine carries it out, and those that the application has accepted.
    #[must_use]
    pub fn extensions(&self) -> alloc::vec::Vec<crate::handshake::Extension> {
        let mut all = alloc::vec::Vec::new();
        #[cfg(feature = "deflate")]
        all.extend(self.deflate().map(|agreed| agreed.to_extension()));
        all.extend(self.rare.iter().flat_map(|rare| rare.agreed.extensions.iter().cloned()));
        all
    }

    /// Returns the parameters of permessage-deflate, if it is in use.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<crate::handshake::DeflateAgreed> {
        match &self.stage {
            Stage::Open(connection) => connection.deflate(),
            _ => None,
        }
    }

    /// Lends the codec states for compressed messages; see [`Connection::lend_tools`]. Does nothing
    /// unless the session is open.
    #[cfg(feature = "deflate")]
    pub fn lend_tools(&mut self, tools: &mut crate::DeflateTools) {
        if let Stage::Open(connection) = &mut self.stage {
            connection.lend_tools(tools);
        }
    }

    /// Takes back the codec states that [`lend_tools`](Self::lend_tools) lent.
    #[cfg(feature = "deflate")]
    pub fn reclaim_tools(&mut self, tools: &mut crate::DeflateTools) {
        if let Stage::Open(connection) = &mut self.stage {
            connection.reclaim_tools(tools);
        }
    }

    /// Returns whether compressed messages are possible, and no codec states are lent for them.
    #[cfg(feature = "deflate")]
    #[must_use]
    #[inline]
    pub fn wants_tools(&self) -> bool {
        matches!(&self.stage, Stage::Open(connection) if connection.wants_tools())
    }

    /// Returns the round-trip time of the last keep-alive Ping, in whole microseconds.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        (self.round_trip != UNMEASURED).then(|| Duration::from_micros(self.round_trip.into()))
    }

    /// Returns the limits and deadlines.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }
}
