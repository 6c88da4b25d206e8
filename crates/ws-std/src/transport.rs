//! What a connection needs of its stream beyond reading and writing.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

type SetTimeout<S> = fn(&S, Option<Duration>) -> io::Result<()>;

/// Functions of a stream that `Read` and `Write` do not have.
#[derive(Debug)]
pub(crate) struct Control<S> {
    read: Timeout<S>,
    write: Timeout<S>,
    shutdown: fn(&S, Shutdown) -> io::Result<()>,
}

/// A timeout, and what it was set to last: most calls do not change it.
#[derive(Debug)]
struct Timeout<S> {
    set: SetTimeout<S>,
    last: Option<Duration>,
}

impl<S> Control<S> {
    /// For a stream of which nothing is known: deadlines are observed whenever a call returns.
    pub(crate) const fn none() -> Self {
        Self::new(|_, _| Ok(()), |_, _| Ok(()), |_, _| Ok(()))
    }

    const fn new(
        read: SetTimeout<S>,
        write: SetTimeout<S>,
        shutdown: fn(&S, Shutdown) -> io::Result<()>,
    ) -> Self {
        Self {
            read: Timeout { set: read, last: None },
            write: Timeout { set: write, last: None },
            shutdown,
        }
    }

    /// Limits how long a read may block.
    pub(crate) fn set_read_timeout(&mut self, stream: &S, t: Option<Duration>) -> io::Result<()> {
        self.read.set(stream, t)
    }

    /// Limits how long a write may block.
    pub(crate) fn set_write_timeout(&mut self, stream: &S, t: Option<Duration>) -> io::Result<()> {
        self.write.set(stream, t)
    }

    /// Whether a read that times out does so because of [`set_read_timeout`](Self::set_read_timeout).
    pub(crate) const fn times_out(&self) -> bool {
        self.read.last.is_some()
    }

    /// Ends the writing side of the stream, or both.
    pub(crate) fn shutdown(&self, stream: &S, how: Shutdown) -> io::Result<()> {
        (self.shutdown)(stream, how)
    }
}

impl Control<TcpStream> {
    pub(crate) const fn tcp() -> Self {
        Self::new(TcpStream::set_read_timeout, TcpStream::set_write_timeout, TcpStream::shutdown)
    }
}

impl<S> Timeout<S> {
    fn set(&mut self, stream: &S, timeout: Option<Duration>) -> io::Result<()> {
        if timeout != self.last {
            (self.set)(stream, timeout)?;
            self.last = timeout;
        }
        Ok(())
    }
}
