//! A session with its output: may I read, must I write, may I let go, when again?

mod account;
mod clock;
mod opening;
mod receiving;
mod recycling;
mod sending;
mod writing;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

pub use account::Outbox;

use account::Account;

use crate::closing::Advice;
use crate::handshake::ClientRequest;
use crate::{Client, CloseFrame, Config, ReadyState, Role, SendError, Server, Session};

/// A [`Session`] with its output and everything that an event loop has to remember of it.
///
/// It does no I/O and knows no clock. The loop asks it four questions:
///
/// * **May I read?** [`wants_read`](Self::wants_read). Pass what was read to
///   [`next_event`](Self::next_event), which consumes all of it, until that returns `None`.
/// * **Must I write?** Write [`pending`](Self::pending), and tell how much was taken by
///   [`wrote`](Self::wrote); or that writing failed, by [`write_failed`](Self::write_failed).
/// * **May I let go?** [`advice`](Self::advice).
/// * **When again?** At [`deadline`](Self::deadline), call [`handle_timeout`](Self::handle_timeout), after
///   at most one more read.
///
/// After each of these calls, and after any from elsewhere, take events until there are none, then write.
///
/// # Back pressure
///
/// At most one end of a connection may wait for the other, or both could wait for ever. So a client always
/// reads. A server stops reading, and stops taking events out of what was read, while more than
/// [`Config::high_water_mark`] bytes are *owed* and unwritten: Pongs, the answer to a Close, and what the
/// application sends between a message and the next call of `next_event`. If the peer takes none of it for
/// [`Config::write_timeout`], the connection is given up. What the application sends at other times is
/// its *own*, and never stops reading.
///
/// Either kind may be sent while [`has_room`](Self::has_room) says so: at most the mark is unwritten of that
/// kind. An application that asks never has more in memory than the mark and a message of each kind, and
/// what one read brought. A client that owes more than the mark answers only the newest Ping (RFC 6455
/// section 5.5.3).
///
/// ```
/// use std::time::Duration;
/// use wsproto::handshake::Accept;
/// use wsproto::{Advice, Config, Endpoint, Event, SessionEvent};
///
/// let now = Duration::ZERO;
/// let mut ws = Endpoint::server(Config::default(), now);
/// let mut wire = Vec::new(); // what the peer receives
///
/// let mut buffer = *b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
///     \x81\x82\0\0\0\0Hi\x88\x80\0\0\0\0";
/// assert!(ws.wants_read());
/// let mut input = &mut buffer[..];
/// loop {
///     while let Some(event) = ws.next_event(now, &mut input) {
///         match event {
///             SessionEvent::Upgrade => ws.accept(&Accept::new(), now)?,
///             SessionEvent::Received(Event::Text(text)) => ws.send_text(text)?,
///             SessionEvent::Closed(info) => assert!(info.was_clean),
///             _ => {}
///         }
///     }
///     let pending = ws.pending();
///     let len = pending.len();
///     if len == 0 {
///         break;
///     }
///     wire.extend_from_slice(pending); // a socket may take less
///     ws.wrote(len, now);
/// }
/// assert!(wire.ends_with(b"\x81\x02Hi\x88\x00"));
/// assert_eq!(ws.advice(), Advice::Shutdown);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Endpoint<R: Role> {
    session: Session<R>,
    /// `None` while there is nothing to write, if it was [given back](Self::reclaim).
    outbox: Option<Box<Outbox>>,
}

impl Endpoint<Server> {
    /// Begins with a transport that a client has just opened.
    #[must_use]
    pub fn server(config: impl Into<Arc<Config>>, now: Duration) -> Self {
        Self::new(Session::server(config, now), Vec::new())
    }

    /// Tells the time since the UNIX epoch at time zero, for the `Date` of responses; see
    /// [`Session::with_unix_time`].
    #[must_use]
    pub fn with_unix_time(mut self, at_zero: Duration) -> Self {
        self.session = self.session.with_unix_time(at_zero);
        self
    }
}

impl Endpoint<Client> {
    /// Begins with a transport to the server that is open, through TLS if the URL says so; see
    /// [`Session::client`], also for the seed.
    #[must_use]
    pub fn client(
        request: ClientRequest,
        config: impl Into<Arc<Config>>,
        seed: [u8; 32],
        now: Duration,
    ) -> Self {
        let mut out = Vec::new();
        let session = Session::client(request, config, seed, now, &mut out);
        Self::new(session, out)
    }
}

impl<R: Role> Endpoint<R> {
    /// Takes over a session, and what it has appended and nobody has written yet; it counts as owed.
    #[must_use]
    pub fn new(session: Session<R>, out: Vec<u8>) -> Self {
        let mut endpoint = Self { session, outbox: None };
        if out.is_empty() {
            // The time that the session was told last.
            endpoint.session.flushed(Duration::ZERO);
        } else {
            endpoint.owing(|_, to| *to = out);
        }
        endpoint
    }

    /// Returns the session, to look at it.
    #[must_use]
    pub const fn session(&self) -> &Session<R> {
        &self.session
    }

    /// Returns how far the connection has got.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.session.ready_state()
    }

    fn mark(&self) -> usize {
        self.session.config().high_water_mark
    }

    /// Returns what to do with the transport.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self.session.advice() {
            Advice::Flush if self.unwritten() == 0 => Advice::Drop,
            Advice::AwaitEnd | Advice::Shutdown if self.has_ended() => Advice::Flush,
            advice => advice,
        }
    }

    /// Begins the patience for a Pong anew, because one may be among what was not read yet. It cannot, if
    /// the Ping has not left.
    pub fn ping_delayed(&mut self, now: Duration) {
        if self.outbox.as_ref().is_none_or(|outbox| outbox.ping_has_left()) {
            self.session.ping_delayed(now);
        }
    }

    /// Begins the closing handshake, as [`Session::close`] does.
    ///
    /// # Errors
    ///
    /// As [`Session::close`].
    pub fn close(
        &mut self,
        frame: Option<&CloseFrame<'_>>,
        now: Duration,
    ) -> Result<(), SendError> {
        self.owing(|session, out| session.close(frame, now, out))
    }

    /// Ends the session at once: nothing more is sent, not even a Close, and the transport is to be
    /// dropped.
    pub fn abort(&mut self) {
        self.session.abort();
    }

    /// Lends a buffer, for loops with many connections that have something to write only in their turn;
    /// does nothing if there is one.
    #[inline]
    pub fn lend(&mut self, outbox: &mut Option<Box<Outbox>>) {
        if self.outbox.is_none() {
            self.outbox = mem::take(outbox);
        }
    }

    /// Gives the buffer back, unless something in it waits. An idle endpoint then owns no heap.
    #[inline]
    pub fn reclaim(&mut self) -> Option<Box<Outbox>> {
        self.outbox.take_if(|outbox| outbox.is_idle())
    }

    /// Lets the session append bytes that are owed to the peer.
    fn owing<T>(&mut self, append: impl FnOnce(&mut Session<R>, &mut Vec<u8>) -> T) -> T {
        let (session, outbox) = (&mut self.session, self.outbox.get_or_insert_default());
        let result = outbox.append(Account::Owed, |out| append(session, out));
        if outbox.failed {
            outbox.lose();
            self.session.output_lost();
        }
        result
    }
}
