//! The thread that receives: waits for input, and for whatever else comes first.

use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use ws_common::Error;
use wsproto::{Advice, Role};

use crate::clock::{Patience, now};
use crate::driver::Blocking;
use crate::stream::{is_timeout, retry};
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
    /// The timeout that the stream has.
    timeout: Option<Duration>,
}

impl Input {
    pub(crate) fn new(stream: Stream) -> Self {
        let buffer = vec![0; READ_SIZE].into();
        Self { stream, buffer, consumed: 0, filled: 0, timeout: None }
    }

    /// Lends what was read to `take`, which consumes it from the front.
    pub(crate) fn with<T>(&mut self, take: impl FnOnce(&mut &mut [u8]) -> T) -> T {
        let mut rest = &mut self.buffer[self.consumed..self.filled];
        let result = take(&mut rest);
        self.consumed = self.filled - rest.len();
        result
    }

    fn read(&mut self, limit: Option<Duration>) -> io::Result<usize> {
        if limit != self.timeout
            && let Some(tcp) = self.stream.tcp()
            // If it fails because the stream has ended, reading says so.
            && tcp.set_read_timeout(limit.map(|limit| limit.max(Duration::from_millis(1)))).is_ok()
        {
            self.timeout = limit;
        }
        let read = self.stream.read(&mut self.buffer)?;
        (self.consumed, self.filled) = (0, read);
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

impl<R: Role> WebSocket<R> {
    /// Waits until there may be something to take: input, room for output, a change that another thread has
    /// made. A failure to read is kept, to be reported with the end.
    pub(crate) fn wait(&mut self, patience: Patience) -> Result<Waited, Error> {
        let connection = &self.connection;
        let owner = connection.driver();
        let seen = owner.seen();
        let mut held = connection.lock();
        owner.settle(&mut held);
        let Some(link) = held.link_mut() else { return Ok(Waited::Over) };
        if link.endpoint().has_input() {
            return Ok(Waited::Again);
        }
        let wants_read = link.endpoint().wants_read();
        let (advice, written) = (link.endpoint().advice(), link.endpoint().unwritten() == 0);
        match advice {
            Advice::Drop => return Ok(Waited::Over),
            // Only dropping the stream ends it, and that is for its owner to do.
            Advice::Shutdown | Advice::AwaitEnd if written && link.transport().tcp().is_none() => {
                link.input_ended(now());
                return Ok(Waited::Again);
            }
            _ => {}
        }
        let has_deadline = link.endpoint().deadline();
        held.end_work();
        drop(held);
        let outcome = match wants_read {
            true => self.read(patience),
            false => self.wait_for_output(seen, patience),
        };
        let mut held = self.connection.lock();
        held.begin_work();
        // The warden cannot look after a stream of which nothing is known.
        if self.input.stream.tcp().is_none()
            && has_deadline.is_some_and(|deadline| deadline <= now())
            && let Some(link) = held.link_mut()
        {
            link.endpoint_mut().handle_timeout(now());
            return Ok(Waited::Again);
        }
        outcome
    }

    fn read(&mut self, patience: Patience) -> Result<Waited, Error> {
        match retry(|| self.input.read(patience.left())) {
            Ok(0) => {
                if let Some(link) = self.connection.lock().link_mut() {
                    link.input_ended(now());
                }
            }
            Ok(_) => {}
            Err(error) if is_timeout(&error) => return Err(error.into()),
            Err(error) => {
                let mut held = self.connection.lock();
                if let Some(error) = held.link_mut().and_then(|link| link.input_failed(error)) {
                    self.failed.get_or_insert(error);
                }
            }
        }
        Ok(Waited::Again)
    }

    /// Waits until the peer has taken something, because nothing is read before.
    fn wait_for_output(&mut self, seen: u64, patience: Patience) -> Result<Waited, Error> {
        if patience.is_over() {
            return Err(io::Error::from(ErrorKind::WouldBlock).into());
        }
        if self.input.stream.tcp().is_none() {
            // Writing waits, or says at once that it would.
            return Err(io::Error::from(ErrorKind::WouldBlock).into());
        }
        self.connection.driver().wait(seen, patience.left());
        Ok(Waited::Again)
    }

    /// Writes what there is to write.
    pub(crate) fn flush_now(&self) {
        let mut held = self.connection.lock();
        let waits = held.link_mut().is_some_and(|link| !link.endpoint_mut().pending().is_empty());
        if waits {
            self.connection.driver().settle(&mut held);
        }
    }
}

/// Hands a connection that is over to the warden, if its transport lingers.
pub(crate) fn linger<R: Role>(connection: &Blocking<R>) {
    let mut held = connection.lock();
    held.end_work();
    if warden().is_crowded() {
        held.hasten();
    }
    connection.driver().settle(&mut held);
    let gone = held.let_go();
    drop(held);
    drop(gone);
}
