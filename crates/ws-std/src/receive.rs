//! The thread that receives: waits for input, and for whatever else comes first.

use std::io::{self, ErrorKind};
use std::time::Duration;

use ws_common::Error;
use wsproto::{Advice, Role};

use crate::clock::{Patience, now};
use crate::driver::Blocking;
use crate::stream::{is_timeout, retry};
use crate::sys::{self, Wait};
use crate::warden::warden;
use crate::{Stream, WebSocket};

/// The bytes that one read takes at most.
const READ_SIZE: usize = 64 << 10;

/// Input that was read, and how much of it is consumed.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) stream: Stream,
    buffer: Box<[u8]>,
    consumed: usize,
    filled: usize,
}

impl Input {
    pub(crate) fn new(stream: Stream) -> Self {
        let buffer = vec![0; READ_SIZE].into();
        Self { stream, buffer, consumed: 0, filled: 0 }
    }

    /// Lends what was read to `take`, which consumes it from the front.
    pub(crate) fn with<T>(&mut self, take: impl FnOnce(&mut &mut [u8]) -> T) -> T {
        let mut rest = &mut self.buffer[self.consumed..self.filled];
        let result = take(&mut rest);
        self.consumed = self.filled - rest.len();
        result
    }

    /// Forgets what was not consumed.
    pub(crate) const fn clear(&mut self) {
        (self.consumed, self.filled) = (0, 0);
    }

    /// Reads, as [`Stream::receive`] does.
    fn read(&mut self, wait: Wait) -> io::Result<Option<usize>> {
        let read = self.stream.receive(&mut self.buffer, wait)?;
        if let Some(read) = read {
            (self.consumed, self.filled) = (0, read);
        }
        Ok(read)
    }
}

/// Why a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Something may have happened.
    Again,
    /// The connection is over.
    Over,
}

/// What a thread waits for.
enum For {
    /// Input; and room for output, if some waits.
    Input { room: bool },
    /// Room for output, before anything more is read.
    Room,
    /// A change that another thread makes.
    Change { deadline: Option<Duration> },
}

impl<R: Role> WebSocket<R> {
    /// Waits until there may be something to take: input, room for output, a change that another thread has
    /// made since `seen`. A failure to read is kept, to be reported with the end.
    pub(crate) fn wait(&mut self, seen: u64, patience: &mut Patience) -> Result<Waited, Error> {
        let connection = &self.connection;
        let owner = connection.driver();
        let mut held = connection.lock();
        owner.settle(&mut held, usize::MAX);
        let Some(link) = held.link_mut() else { return Ok(Waited::Over) };
        if link.endpoint().has_input() || owner.is_drained(link) {
            return Ok(Waited::Again);
        }
        if link.endpoint().session().is_over() {
            // Writing was all that was missing, and nobody reads for the sake of the transport.
            return Ok(Waited::Over);
        }
        let is_tcp = link.transport().tcp().is_some();
        let (advice, written) = (link.endpoint().advice(), link.endpoint().unwritten() == 0);
        match advice {
            Advice::Drop | Advice::Flush => return Ok(Waited::Over),
            // Only dropping the stream ends it, and that is for its owner to do.
            Advice::Shutdown | Advice::AwaitEnd if written && !is_tcp => {
                link.input_ended(now());
                return Ok(Waited::Again);
            }
            _ => {}
        }
        if !patience.begin_part() {
            return Err(io::Error::from(ErrorKind::TimedOut).into());
        }
        let deadline = link.endpoint().deadline();
        // Nothing counts that is read after the Closes, and its end must not overtake ours.
        let answers = !is_tcp && advice != Advice::KeepOpen && !written;
        let to_wait_for = match link.endpoint().wants_read() && !answers {
            true => For::Input { room: !written && is_tcp && link.transport().takes_output() },
            // The warden looks after the deadlines of sockets.
            false if written => For::Change { deadline: deadline.filter(|_| !is_tcp) },
            false => For::Room,
        };
        if let For::Room | For::Input { room: true } = to_wait_for {
            owner.set_waits_for_room(true);
            owner.settle(&mut held, 0);
        }
        held.end_work();
        drop(held);
        let outcome = match to_wait_for {
            For::Input { room } => self.read(Wait { room, limit: patience.left() }),
            For::Room => self.wait_for_room(patience),
            For::Change { deadline } => {
                let until = deadline.map(|at| at.saturating_sub(now()));
                let limit = until.into_iter().chain(patience.left()).min();
                self.connection.driver().signal().wait(seen, limit);
                Ok(Waited::Again)
            }
        };
        let mut held = self.connection.lock();
        held.begin_work();
        self.connection.driver().set_waits_for_room(false);
        if is_tcp {
            return outcome;
        }
        // The warden cannot look after a stream of which nothing is known.
        if deadline.is_some_and(|deadline| deadline <= now())
            && let Some(link) = held.link_mut()
        {
            link.endpoint_mut().handle_timeout(now());
            return Ok(Waited::Again);
        }
        // Neither direction waits for the other: a caller may come back only after a while.
        self.connection.driver().settle(&mut held, usize::MAX);
        outcome
    }

    fn read(&mut self, wait: Wait) -> Result<Waited, Error> {
        match retry(|| self.input.read(wait)) {
            // The reading side was shut down from here, so that there is something to report.
            Ok(Some(0)) if self.connection.driver().is_released() => {}
            Ok(Some(0)) => {
                if let Some(link) = self.connection.lock().link_mut() {
                    link.input_ended(now());
                }
            }
            Ok(_) => {}
            Err(error) if is_timeout(&error) => return Err(error.into()),
            Err(error) => {
                let mut held = self.connection.lock();
                if error.kind() == ErrorKind::InvalidData
                    && let Some(socket) = self.input.stream.socket()
                {
                    self.connection.driver().keep_socket(socket);
                }
                if let Some(error) = held.link_mut().and_then(|link| link.input_failed(error)) {
                    self.failed.get_or_insert(error);
                }
            }
        }
        Ok(Waited::Again)
    }

    /// Waits until the peer has taken something, because nothing is read before.
    fn wait_for_room(&self, patience: &Patience) -> Result<Waited, Error> {
        match self.input.stream.tcp() {
            Some(tcp) => {
                sys::wait_writable(tcp, patience.left());
                Ok(Waited::Again)
            }
            // Writing waits, or has said that it would.
            None => Err(io::Error::from(ErrorKind::WouldBlock).into()),
        }
    }

    /// Writes what there is to write.
    pub(crate) fn flush_now(&self) {
        let mut held = self.connection.lock();
        let waits = held.link_mut().is_some_and(|link| !link.endpoint_mut().pending().is_empty());
        if waits {
            self.connection.driver().settle(&mut held, usize::MAX);
        }
    }
}

/// Hands a connection that is over to the warden, if its transport lingers.
pub(crate) fn linger<R: Role>(connection: &Blocking<R>) {
    let owner = connection.driver();
    let mut held = connection.lock();
    held.end_work();
    let is_tcp = held.link_mut().is_some_and(|link| link.transport().tcp().is_some());
    if !is_tcp || warden().is_crowded() {
        held.hasten();
    }
    owner.settle(&mut held, usize::MAX);
    let gone = held.let_go();
    owner.settle(&mut held, usize::MAX);
    drop(held);
    drop(gone);
}
