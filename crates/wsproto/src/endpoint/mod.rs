//! A session with its output: may I read, must I write, may I drop the transport, when
//! must I call again?

mod clock;
#[cfg(feature = "deflate")]
mod lending;
mod opening;
mod outbox;
mod receiving;
mod recycling;
mod sending;
#[cfg(feature = "bytes")]
mod sharing;
mod writing;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

pub use outbox::{Outbox, OutputCounts};

use outbox::OutputKind;

use crate::closing::Advice;
use crate::handshake::ClientRequest;
use crate::{Client, CloseFrame, Config, ReadyState, Role, SendError, Server, Session};

/// A [`Session`] with its output and the state that an event loop has to keep for it.
///
/// It does no I/O and has no clock. The loop asks it four questions:
///
/// * **May I read?** [`wants_read`](Self::wants_read). Pass the bytes read to
///   [`next_event`](Self::next_event), which consumes all of them, until it returns `None`.
/// * **Must I write?** Write [`pending`](Self::pending), and report the number of bytes written to
///   [`wrote`](Self::wrote), or a failure to [`write_failed`](Self::write_failed).
/// * **May I drop the transport?** Ask [`advice`](Self::advice).
/// * **When must I call again?** At [`deadline`](Self::deadline), call
///   [`handle_timeout`](Self::handle_timeout), after at most one more read.
///
/// After each of these calls, and after any call from elsewhere, take events until there are none,
/// then write.
///
/// # Back pressure
///
/// At most one end of a connection may wait for the other, or both could wait forever. So a client
/// always reads. A server stops reading, and stops taking events out of bytes already read, while
/// more than [`Config::high_water_mark`] bytes of *replies* are unwritten: Pongs, the answering
/// Close, and all messages that the application sends between a received message and the next call
/// of `next_event`. If the peer reads none of them for [`Config::write_timeout`], the connection is
/// given up. Messages that the application sends at other times are *unsolicited*, and never stop
/// reading.
///
/// Either kind may be sent while [`has_room`](Self::has_room) returns true: at most the mark is
/// unwritten of that kind. An application that checks it never has more in memory than the mark
/// plus one message of each kind, and the bytes of one read. A client with more than the mark of
/// unwritten replies before its next Pong answers only the newest Ping (RFC 6455 section 5.5.3).
///
/// # Fragments
///
/// Frames leave in the order in which they were sent, so a Pong waits behind a message of 100 MB. With
/// [`Config::fragment_size`], longer messages leave in fragments (section 5.4), which are encoded as they
/// are written: Pings, the Pongs that answer the peer's, and those of the keep-alive wait for at most one
/// fragment, or 16 KiB of them, besides the bytes that the transport holds. The order of messages stays, and a Close
/// waits for all messages sent before it, because no data may follow it (section 5.5.1). Messages are cut at any
/// byte, also inside a character. The output of [`send_with`](Self::send_with) is not changed.
///
/// A server that does not read, because more than the mark of replies is unwritten, sees no Ping and answers
/// none. So a long message that answers another one leaves room for Pongs only if the mark is higher than its
/// length, or if it is sent later, as an unsolicited message.
///
/// ```
/// use std::time::Duration;
/// use wsproto::handshake::Accept;
/// use wsproto::{Advice, Config, Endpoint, Event, SessionEvent};
///
/// let now = Duration::ZERO;
/// let mut ws = Endpoint::server(Config::default(), now);
/// let mut wire = Vec::new(); // the bytes the peer receives
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
    /// `None` while there is nothing to write, if it was [returned](Self::reclaim).
    outbox: Option<Box<Outbox>>,
}

impl Endpoint<Server> {
    /// Creates an endpoint for a transport that a client has just opened.
    #[must_use]
    pub fn server(config: impl Into<Arc<Config>>, now: Duration) -> Self {
        Self::new(Session::server(config, now), Vec::new())
    }

    /// Sets the time since the UNIX epoch at time zero, for the `Date` of responses; see
    /// [`Session::with_unix_time`].
    #[must_use]
    pub fn with_unix_time(mut self, at_zero: Duration) -> Self {
        self.session = self.session.with_unix_time(at_zero);
        self
    }
}

impl Endpoint<Client> {
    /// Creates an endpoint on an open transport to the server (through TLS if the URL requires it);
    /// see [`Session::client`], also for the seed.
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
    /// Takes over a session and its unwritten output, which counts as replies.
    #[must_use]
    pub fn new(session: Session<R>, out: Vec<u8>) -> Self {
        let mut endpoint = Self { session, outbox: None };
        if out.is_empty() {
            // Zero is never later than the time that the session has.
            endpoint.session.flushed(Duration::ZERO);
        } else {
            endpoint.append_reply(|_, to| *to = out);
        }
        endpoint
    }

    /// Returns the session, for inspection.
    #[must_use]
    pub const fn session(&self) -> &Session<R> {
        &self.session
    }

    /// Returns the state of the connection.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.session.ready_state()
    }

    fn mark(&self) -> usize {
        self.session.config().high_water_mark
    }

    /// Returns the next step for the owner of the transport.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self.session.advice() {
            Advice::Flush if self.unwritten() == 0 => Advice::Drop,
            Advice::AwaitEnd | Advice::Shutdown if self.has_ended() => Advice::Flush,
            advice => advice,
        }
    }

    /// Restarts the patience for a Pong, because one may be among the bytes not read yet. Does nothing
    /// while the Ping itself has not left.
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
        self.append_reply(|session, out| session.close(frame, now, out))
    }

    /// Ends the session at once: nothing more is sent, not even a Close, and the transport must be
    /// dropped.
    pub fn abort(&mut self) {
        self.session.abort();
    }

    /// Lends a buffer, for loops whose connections write only in their turn; does nothing if the
    /// endpoint already has one.
    #[inline]
    pub fn lend(&mut self, outbox: &mut Option<Box<Outbox>>) {
        if self.outbox.is_none() {
            self.outbox = mem::take(outbox);
        }
    }

    /// Returns whether the endpoint has no buffer, so that [`lend`](Self::lend) would take one.
    #[must_use]
    #[inline]
    pub const fn wants_outbox(&self) -> bool {
        self.outbox.is_none()
    }

    /// Returns about how many bytes of memory the buffer takes; 0 if there is none.
    #[must_use]
    pub fn outbox_memory(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.memory())
    }

    /// Returns the buffer, unless it holds data. An idle endpoint then owns no heap; one with state, such as one that
    /// is [paused](Self::pause), keeps a buffer without memory for output.
    #[inline]
    pub fn reclaim(&mut self) -> Option<Box<Outbox>> {
        if self.outbox.as_ref()?.is_idle() {
            return self.outbox.take();
        }
        self.outbox.as_mut()?.take_memory().map(Box::new)
    }

    /// Lets the session append a reply.
    fn append_reply<T>(&mut self, append: impl FnOnce(&mut Session<R>, &mut Vec<u8>) -> T) -> T {
        let (session, outbox) = (&mut self.session, self.outbox.get_or_insert_default());
        let result = outbox.append_frame(OutputKind::Reply, |out| append(session, out));
        if outbox.failed {
            outbox.lose();
            self.session.output_lost();
        }
        result
    }
}
