//! A connection's turn on an event loop: one read, all its events, one write.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use wsproto::{Outbox, ReadyState, Role};

use super::{Connection, Conversation, Driver, Link, Transport, Written};
use crate::Error;

/// The bytes that one read takes at most.
const READ_SIZE: usize = 64 << 10;

/// How many bytes one turn writes at most, more or less.
const WRITE_MOST: usize = 1 << 20;

/// How many transports may linger at a time. Those beyond are dropped at once, and may lose our last bytes.
const MOST_LINGERING: usize = 1024;

/// A transport of an event loop, both sides of it.
pub trait Duplex: Transport {
    /// Reads once, without waiting, at most as much as the buffer takes: nothing at the end.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, if there is nothing now; any other, if the transport has failed.
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Whether reading may find something, the end included. While it may, the connection has turn after
    /// turn; when it may not, the loop has to be told of the next input.
    fn is_readable(&self) -> bool;
}

/// The things that all turns of a loop use.
#[derive(Debug)]
pub struct TurnContext {
    /// The time at which the loop has woken up.
    pub now: Duration,
    input: Box<[u8]>,
    /// `None` while a connection has it.
    outbox: Option<Box<Outbox>>,
    /// How many transports linger after the end of their connections.
    lingering: usize,
}

/// The outcome of a turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurnOutcome {
    /// When the connection is to have another turn, whatever happens.
    pub deadline: Option<Duration>,
    /// Whether it is to have another turn without waiting, after others have had theirs.
    pub more: bool,
    /// Whether the connection is over and its transport let go: the loop drops it.
    pub gone: bool,
}

impl TurnOutcome {
    /// Returns when the connection is to have its next turn, for loops without a list of those that have more
    /// to do.
    #[must_use]
    pub fn due(&self, now: Duration) -> Option<Duration> {
        if self.more { Some(now) } else { self.deadline }
    }
}

impl TurnContext {
    /// Makes the context of a loop.
    #[must_use]
    pub fn new(now: Duration) -> Self {
        Self { now, input: vec![0; READ_SIZE].into(), outbox: Some(Box::default()), lingering: 0 }
    }
}

impl<R: Role, T: Duplex> Link<R, T> {
    /// Reads once, if the endpoint wants to and there may be something. Returns what was read, for
    /// [`next`](Self::next). The endpoint is told of the end, and of a failure.
    ///
    /// # Errors
    ///
    /// The failure, if it is to be [reported](Self::input_failed).
    pub fn read<'b>(&mut self, buffer: &'b mut [u8], now: Duration) -> Result<&'b mut [u8], Error> {
        if !self.may_read() {
            return Ok(&mut []);
        }
        match self.transport_mut().try_read(buffer) {
            Ok(0) => self.input_ended(now),
            Ok(read) => return Ok(buffer.split_at_mut(read).0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return self.input_failed(error).map_or(Ok(&mut []), Err),
        }
        Ok(&mut [])
    }

    fn may_read(&self) -> bool {
        self.endpoint().wants_read() && self.transport().is_readable()
    }
}

impl Conversation {
    /// Gives a connection its turn on an event loop: writes what waited, reads once, calls the handler for
    /// what was read, does what is due, and writes. Its lock is free while the handler is called.
    ///
    /// It has a turn when it was begun, when its transport is ready, when its [`Driver`] was told that it has
    /// [changed](Driver::changed), and when the last [`TurnOutcome`] says so; one too many does no harm.
    ///
    /// While a client's connection has no transport, a turn does nothing: the adapter dials before it, gives
    /// the connection its transport ([`Inner::connected`](super::Inner::connected)) or
    /// [gives it up](Self::give_up). After a redirect, the transport is gone again, and the outcome asks for
    /// another turn.
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
        let (now, handle) = (context.now, connection.handle());
        let mut input: &mut [u8] = &mut [];
        let mut failure = None;
        let mut held = connection.lock();
        held.begin_work();
        let lingered = held.is_lingering();
        let dialed = held.link_mut().is_some();
        if let Some(link) = held.link_mut() {
            link.endpoint_mut().lend(&mut context.outbox);
            link.write(now, WRITE_MOST);
            match link.read(&mut context.input, now) {
                Ok(read) => input = read,
                Err(error) => failure = Some(error),
            }
        }
        drop(held);
        if let Some(error) = failure {
            self.fail(connection, &handle, &error);
        }
        self.react(connection, &handle, now, &mut input);

        let mut held = connection.lock();
        held.begin_last_look();
        if let Some(link) = held.link_mut() {
            // What had arrived was looked at; so what is due now is late.
            if link.endpoint().deadline().is_some_and(|deadline| deadline <= now) {
                link.endpoint_mut().handle_timeout(now);
            }
            link.write(now, WRITE_MOST);
        }
        drop(held);
        // What was written may make room, or be the last there is.
        self.react(connection, &handle, now, &mut &mut [][..]);
        self.tell_drained(connection, &handle);

        let mut held = connection.lock();
        let mut outcome = TurnOutcome::default();
        let over = held.is_over();
        if let Some(link) = held.link_mut() {
            let written = link.write(now, WRITE_MOST);
            let endpoint = link.endpoint();
            outcome.deadline = endpoint.deadline();
            outcome.more = written == Written::Some
                || endpoint.has_input()
                || link.may_read()
                // Its end is still to be told.
                || !over && endpoint.ready_state() == ReadyState::Closed;
            if let Some(outbox) = link.endpoint_mut().reclaim() {
                context.outbox = Some(outbox);
            }
        } else {
            // A redirect leads elsewhere: it is to be dialed anew.
            outcome.more = dialed && !over;
        }
        outcome.more |= held.end_work();
        context.lingering -= usize::from(lingered);
        if held.is_lingering() && context.lingering >= MOST_LINGERING {
            held.hasten();
        }
        let left = held.let_go();
        outcome.gone = held.is_gone();
        context.lingering += usize::from(held.is_lingering());
        drop(held);
        drop(left);
        outcome
    }
}
