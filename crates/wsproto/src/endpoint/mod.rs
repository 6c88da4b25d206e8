//! A session with its output: may I read, must I write, may I let go, when again?

mod account;
mod opening;
mod sending;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

pub use account::Outbox;

use crate::closing::Advice;
use crate::handshake::ClientRequest;
use crate::{
    Client, CloseFrame, Config, Event, ReadyState, Role, SendError, Server, Session, SessionEvent,
};

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
    /// Whether what the application sends is an answer to a message.
    answering: bool,
    /// Whether writing has failed: what is appended goes nowhere.
    failed: bool,
    /// Whether nothing more can be read.
    ended: bool,
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
    /// Takes over a session, and what it has appended so far.
    #[must_use]
    pub fn new(session: Session<R>, out: Vec<u8>) -> Self {
        let mut endpoint =
            Self { session, outbox: None, answering: false, failed: false, ended: false };
        if !out.is_empty() {
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

    /// Takes the next event off the front of `input`, unmasking it in place; `None` when there is none and
    /// all of `input` was consumed. Replies are appended to the output.
    ///
    /// While the endpoint [does not want to read](Self::wants_read), input is kept, and its events come
    /// once there is room; call this after every [`wrote`](Self::wrote), also without input.
    #[inline]
    pub fn next_event<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
    ) -> Option<SessionEvent<Event<'b>>> {
        let mark = self.mark();
        let outbox = self.outbox.get_or_insert_default();
        if outbox.is_quiet(mark) && !self.failed && !self.session.is_postponed() {
            let buffer = outbox.output.buffer();
            let before = buffer.len();
            let event = self.session.next_event(now, input, buffer);
            outbox.owed += outbox.output.buffer().len() - before;
            self.answering = is_message(event.as_ref());
            if event.is_some() || !outbox.output.is_empty() {
                return event;
            }
            self.session.flushed(now);
            return self.session.next_event(now, input, outbox.output.buffer());
        }
        self.next_event_by_steps(now, input)
    }

    /// As [`next_event`](Self::next_event), while something waits or has failed.
    fn next_event_by_steps<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
    ) -> Option<SessionEvent<Event<'b>>> {
        let outbox = self.outbox.get_or_insert_default();
        outbox.hold_behind(input);
        self.answering = false;
        if self.is_paused() || self.session.is_postponed() {
            let paused = self.is_paused();
            let outbox = self.outbox.get_or_insert_default();
            outbox.hold(input);
            if paused {
                outbox.begin_stall(now);
            }
            // It may have something to report all the same.
            return self.session.next_event(now, input, outbox.output.buffer());
        }
        let mut held = self.outbox.get_or_insert_default().take_held();
        if held.is_empty() {
            return self.receive(now, input);
        }
        let mut rest = held.rest();
        let event = self.receive(now, &mut rest).map(SessionEvent::<Event<'_>>::into_owned);
        let left = rest.len();
        self.outbox.get_or_insert_default().hold_again(held, left);
        if event.is_none() && self.ended {
            self.end_of_input(now);
            return self.receive(now, input);
        }
        event
    }

    /// Takes an event, and keeps account of the replies.
    fn receive<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
    ) -> Option<SessionEvent<Event<'b>>> {
        let mark = self.mark();
        let outbox = self.outbox.get_or_insert_default();
        let before = outbox.output.buffer().len();
        let event = self.session.next_event(now, input, outbox.output.buffer());
        if !R::SERVER
            && outbox.owed > mark
            && let Some(SessionEvent::Received(Event::Ping(payload))) = &event
        {
            // A client does not stop reading, so it answers only the newest of very many Pings.
            outbox.output.buffer().truncate(before);
            outbox.late_pong = Some(payload.to_vec());
        }
        outbox.owed += outbox.output.buffer().len() - before;
        if self.failed {
            outbox.lose();
        }
        self.answering = is_message(event.as_ref());
        event
    }

    /// Tells that nothing more can be read: end of file, or any error of the transport.
    pub fn end_of_input(&mut self, now: Duration) {
        self.ended = true;
        // The last messages are worth hearing, whether or not the answers to them have left.
        let outbox = self.outbox.get_or_insert_default();
        if !outbox.has_held() || self.session.is_postponed() {
            self.owing(Session::end_of_input);
            self.settle(now);
        }
    }

    /// Whether to read now, if there is something.
    #[must_use]
    #[inline]
    pub fn wants_read(&self) -> bool {
        !self.ended
            && match self.session.advice() {
                Advice::KeepOpen => {
                    !self.is_paused()
                        && !self.session.is_postponed()
                        && self.outbox.as_ref().is_none_or(|out| !out.has_held())
                }
                Advice::AwaitEnd | Advice::Shutdown => true,
                Advice::Flush | Advice::Drop => false,
            }
    }

    /// Whether input that was kept can be looked at now: call [`next_event`](Self::next_event).
    #[must_use]
    #[inline]
    pub fn has_input(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.has_held())
            && !self.is_paused()
            && !self.session.is_postponed()
    }

    /// Whether the peer has to take something before anything more is read.
    #[inline]
    fn is_paused(&self) -> bool {
        R::SERVER
            && self.outbox.as_ref().is_some_and(|outbox| outbox.owed > self.mark())
            && self.session.advice() == Advice::KeepOpen
    }

    /// Returns the next bytes to write; nothing if there are none. Once they are written, there may be more.
    #[inline]
    pub fn pending(&mut self) -> &[u8] {
        match &mut self.outbox {
            Some(outbox) => outbox.output.pending(),
            None => &[],
        }
    }

    /// Tells that the transport has taken the first `len` bytes of what is [pending](Self::pending).
    #[inline]
    pub fn wrote(&mut self, len: usize, now: Duration) {
        let Some(outbox) = &mut self.outbox else { return };
        if len > 0 && outbox.wrote(len, now) {
            self.session.ping_delayed(now);
        }
        self.settle(now);
    }

    /// Tells that nothing more can be written. What is unwritten is lost; what the peer wrote before it
    /// went away can still be read, perhaps a Close.
    pub fn write_failed(&mut self) {
        self.failed = true;
        self.outbox.get_or_insert_default().lose();
    }

    /// Tells the session that all is written, if it is.
    #[inline]
    fn settle(&mut self, now: Duration) {
        let mark = self.mark();
        let Some(outbox) = &mut self.outbox else { return self.session.flushed(now) };
        if outbox.owed <= mark {
            outbox.stalled_since = None;
            if let Some(payload) = outbox.late_pong.take() {
                // Nothing is owed to a peer that is closing.
                let _ = self.owing(|session, out| session.sender()?.pong(&payload, out));
                return;
            }
        }
        if outbox.output.is_empty() && !self.failed {
            self.session.flushed(now);
        }
    }

    /// Returns what to do with the transport.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self.session.advice() {
            Advice::Flush if self.unwritten() == 0 => Advice::Drop,
            advice => advice,
        }
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout), unless something happens before. May
    /// change after every call that takes `&mut self`.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let stalled = self.outbox.as_ref().and_then(|outbox| outbox.stalled_since);
        let given_up = match (stalled, self.session.config().write_timeout) {
            (Some(since), Some(timeout)) => Some(since.saturating_add(timeout)),
            _ => None,
        };
        self.session.deadline().into_iter().chain(given_up).min()
    }

    /// Does what is due at `now`, if anything is. Take events and write afterwards.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if self.is_paused() {
            let timeout = self.session.config().write_timeout;
            let since = self.outbox.as_ref().and_then(|outbox| outbox.stalled_since);
            if timeout.zip(since).is_some_and(|(most, since)| since.saturating_add(most) <= now) {
                return self.session.fail_stalled();
            }
            // A Pong may be among what is not read.
            self.ping_delayed(now);
        }
        let before = self.unwritten();
        self.owing(|session, out| session.handle_timeout(now, out));
        if self.session.advice() == Advice::KeepOpen
            && self.unwritten() > before
            && let Some(outbox) = &mut self.outbox
        {
            outbox.ping_behind = outbox.owed + outbox.own;
        }
        self.settle(now);
    }

    /// Begins the patience for a Pong anew, because one may be among what was not read yet. It cannot, if
    /// the Ping has not left.
    pub fn ping_delayed(&mut self, now: Duration) {
        if self.outbox.as_ref().is_none_or(|outbox| outbox.ping_behind == 0) {
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

    /// Returns how many bytes wait to be written.
    #[must_use]
    #[inline]
    pub fn unwritten(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.owed + outbox.own)
    }

    /// Returns how many bytes could not be written.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.lost)
    }

    /// Whether writing has failed.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
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
        let outbox = self.outbox.get_or_insert_default();
        let before = outbox.output.buffer().len();
        let result = append(&mut self.session, outbox.output.buffer());
        outbox.owed += outbox.output.buffer().len() - before;
        if self.failed {
            outbox.lose();
        }
        result
    }
}

#[inline]
fn is_message(event: Option<&SessionEvent<Event<'_>>>) -> bool {
    matches!(event, Some(SessionEvent::Received(Event::Text(_) | Event::Binary(_))))
}
