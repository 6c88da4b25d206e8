//! A connection's turn on an event loop: bounded reads, their events, bounded writes.

mod progress;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use wsproto::{ReadyState, Role};

use self::progress::Turn;
use super::{Connection, Conversation, Driver, Held, Lingering, Link, Transport, lend_outbox};
use crate::Error;

/// The size of the read buffer, in bytes.
pub const READ_SIZE: usize = 64 << 10;

/// The maximum number of bytes that one write of a turn writes: a message of 1 MiB, and a full high-water
/// mark before it.
pub const WRITE_MOST: usize = (1 << 20) + (64 << 10);

/// The maximum number of events of a connection that one turn handles. A read of 64 KiB holds some ten
/// thousand of the smallest frames.
pub const MOST_EVENTS: usize = 128;

/// A non-blocking transport of an event loop: the reading and the writing side.
pub trait Duplex: Transport {
    /// Reads once without waiting, at most `buffer.len()` bytes. Returns the number of bytes, 0 at the end
    /// of the input.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no input at the moment. Any other error ends the connection: an
    /// implementation must handle `Interrupted` itself.
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Reads as [`try_read`](Self::try_read) does, but into the spare capacity of `message`, of which there is some.
    /// Returns `None`, and reads nothing, if the transport can read only into initialized memory; then large messages
    /// are copied once more. The errors are those of [`try_read`](Self::try_read).
    fn try_read_into(&mut self, message: &mut Vec<u8>) -> Option<io::Result<usize>> {
        let _ = message;
        None
    }

    /// Returns whether a read may return input or the end of the input. While it does,
    /// [`TurnOutcome::more`] asks for another turn; otherwise the loop must wait until the transport is
    /// readable.
    fn is_readable(&self) -> bool;
}

/// State shared by all turns of a loop: the time and reusable buffers.
pub struct TurnContext {
    /// The time of the current turn; the loop sets it when it wakes up. It has the same origin as
    /// [`Driver::now`].
    pub now: Duration,
    input: Box<[u8]>,
    /// Empty while a connection uses them.
    #[cfg(feature = "deflate")]
    tools: wsproto::DeflateTools,
    lingering: Arc<Lingering>,
}

/// The outcome of a turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurnOutcome {
    /// The time of the next turn at the latest; `None` if only an event needs one.
    pub deadline: Option<Duration>,
    /// Whether the connection needs another turn without waiting, after the turns of others.
    pub more: bool,
    /// Whether the handler's last call was made; the transport may linger.
    pub over: bool,
    /// Whether the connection is over and its transport released: drop the connection.
    pub gone: bool,
}

impl TurnOutcome {
    /// Returns the time of the next turn: `now` if [`more`](Self::more) is set, otherwise the deadline. For
    /// loops without a list of connections that need another turn.
    #[must_use]
    pub fn due(&self, now: Duration) -> Option<Duration> {
        if self.more { Some(now) } else { self.deadline }
    }
}

impl TurnContext {
    /// Creates the context of a loop, with a read buffer of 64 KiB.
    #[must_use]
    pub fn new(now: Duration) -> Self {
        Self::with_lingering(now, Arc::default())
    }

    /// As [`new`](Self::new), for loops between which connections move: they share one count of lingering
    /// transports.
    #[must_use]
    pub fn with_lingering(now: Duration, lingering: Arc<Lingering>) -> Self {
        Self {
            now,
            input: vec![0; READ_SIZE].into(),
            #[cfg(feature = "deflate")]
            tools: wsproto::DeflateTools::new(),
            lingering,
        }
    }

    /// Returns the number of transports that linger after the end of their connections.
    #[must_use]
    pub fn lingering(&self) -> usize {
        self.lingering.count()
    }
}

/// Shows no bytes of any connection.
impl fmt::Debug for TurnContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnContext").field("now", &self.now).finish_non_exhaustive()
    }
}

impl<R: Role, T: Duplex> Link<R, T> {
    /// Reads once, if the endpoint wants to read and the transport is readable. Returns the bytes read, for
    /// [`next`](Self::next). Reports the end of the input, or a failure, to the endpoint. Discards input of a closed
    /// connection, and of one that was answered with a response in place of an upgrade, even before the response is
    /// written. Such input is not counted.
    ///
    /// # Errors
    ///
    /// The failure to read, if the application needs it; see [`input_failed`](Self::input_failed).
    pub fn read<'b>(&mut self, buffer: &'b mut [u8], now: Duration) -> Result<&'b mut [u8], Error> {
        if !self.may_read() {
            return Ok(&mut []);
        }
        let result = self.transport_mut().try_read(buffer);
        Ok(buffer.split_at_mut(self.after_read(result, now)?).0)
    }

    /// Reads once, as [`read`](Self::read) does, but straight into the large message to which the next bytes belong,
    /// and returns their number: call [`next`](Self::next) afterwards. `None` if they belong to no such message, or
    /// the transport [cannot read this way](Duplex::try_read_into): then [`read`](Self::read). The errors are those of
    /// [`read`](Self::read).
    pub fn read_payload(&mut self, now: Duration) -> Option<Result<usize, Error>> {
        if !self.transport().is_readable() {
            return None;
        }
        let (endpoint, transport) = self.parts_mut();
        let result = endpoint.read_payload(now, |message| transport.try_read_into(message))??;
        Some(self.after_read(result, now))
    }

    /// Reports the end of the input, or a failure, to the endpoint. Returns the number of bytes that a read has brought
    /// for it.
    fn after_read(&mut self, result: io::Result<usize>, now: Duration) -> Result<usize, Error> {
        match result {
            Ok(0) => self.endpoint_mut().end_of_input(now),
            Ok(_) if self.endpoint().ready_state() == ReadyState::Closed => {}
            Ok(read) => return Ok(read),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return self.input_failed(error).map_or(Ok(0), Err),
        }
        Ok(0)
    }

    /// Returns whether the endpoint wants to read and the transport is readable.
    #[inline]
    pub fn may_read(&self) -> bool {
        self.endpoint().wants_read() && self.transport().is_readable()
    }
}

impl Conversation {
    /// Runs a connection's turn on an event loop: writes pending output, reads, calls the handler for the events,
    /// handles an expired deadline, and writes again. If the transport [may have more input](Duplex::is_readable), it
    /// then reads a second time: most transports know that there is none only after a read that finds none.
    ///
    /// A read takes at most 64 KiB; of a large message, as many bytes as have arrived of it so far. After
    /// [`MOST_EVENTS`], the endpoint keeps the rest of the input for the next turn. The lock of the connection is free
    /// while the handler is called.
    ///
    /// A turn is needed when the connection is new, when its transport becomes ready, when
    /// [`Driver::changed`] is called and [`Held::begin_notice`](super::Held::begin_notice) returns a key, and
    /// when the last [`TurnOutcome`] asks for one. A turn too many does no harm.
    ///
    /// While a client's connection has no transport, a turn does nothing. The adapter dials, and either gives
    /// the connection its transport ([`ConnectionState::connected`](super::ConnectionState::connected)) or
    /// [gives it up](Self::give_up). A redirect removes the transport again, and the outcome asks for another
    /// turn.
    pub fn turn<R, D>(
        &mut self,
        connection: &Arc<Connection<R, D>>,
        context: &mut TurnContext,
    ) -> TurnOutcome
    where
        R: Role,
        D: Driver<R>,
        D::Transport: Duplex,
    {
        self.turn_of(connection, connection.lock(), context)
    }

    /// As [`turn`](Self::turn), for a connection that the adapter has locked already.
    pub fn turn_of<'c, R, D>(
        &mut self,
        connection: &'c Arc<Connection<R, D>>,
        mut held: Held<'c, R, D>,
        context: &mut TurnContext,
    ) -> TurnOutcome
    where
        R: Role,
        D: Driver<R>,
        D::Transport: Duplex,
    {
        #[cfg(feature = "tracing")]
        let _within = connection.span().enter();
        held.begin_work();
        let mut turn = Turn::new(self, connection, &mut held, context.now);
        if let Some(link) = held.link_mut() {
            lend_outbox(link.endpoint_mut());
        }
        let (mut held, _) = turn.receive(held, context);
        held = turn.handle_timeout(held);
        held = turn.write(held);
        if held.link_mut().is_some_and(|link| link.may_read()) {
            let received;
            (held, received) = turn.receive(held, context);
            if received {
                held = turn.write(held);
            }
        }
        turn.conclude(held, context)
    }
}
