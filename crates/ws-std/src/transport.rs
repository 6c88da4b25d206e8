//! What a connection needs of its stream beyond reading and writing.

use std::io::{self, Write};
use std::net::Shutdown;
use std::time::Duration;

use crate::Stream;
use crate::pipe::Sink;

type SetTimeout<S> = fn(&S, Option<Duration>) -> io::Result<()>;

/// Functions of a stream that `Read` and `Write` do not have.
#[derive(Debug)]
pub(crate) struct Control<S> {
    set_read_timeout: SetTimeout<S>,
    set_write_timeout: SetTimeout<S>,
    /// `None` if the stream cannot end one side alone.
    shutdown: Option<fn(&S, Shutdown) -> io::Result<()>>,
    read_timeout: Option<Duration>,
}

impl<S> Control<S> {
    /// For a stream of which nothing is known: deadlines are observed whenever a call returns.
    pub(crate) const fn none() -> Self {
        Self {
            set_read_timeout: |_, _| Ok(()),
            set_write_timeout: |_, _| Ok(()),
            shutdown: None,
            read_timeout: None,
        }
    }

    /// Limits how long a read may block.
    pub(crate) fn limit_read(&mut self, stream: &S, limit: Option<Duration>) {
        set_timeout(self.set_read_timeout, stream, limit, &mut self.read_timeout);
    }

    /// Whether the stream can end its writing side and go on reading.
    pub(crate) const fn can_shutdown(&self) -> bool {
        self.shutdown.is_some()
    }

    /// Ends the writing side of the stream, or both.
    pub(crate) fn shutdown(&self, stream: &S, how: Shutdown) {
        if let Some(shutdown) = self.shutdown {
            // If the peer is gone already, reading says so.
            let _ = shutdown(stream, how);
        }
    }

    /// Lends the stream for writing.
    pub(crate) const fn sink<'a>(&self, stream: &'a mut S) -> Lent<'a, S> {
        Lent { stream, set_timeout: self.set_write_timeout }
    }
}

impl Control<Stream> {
    /// For a stream of our own.
    pub(crate) const fn own() -> Self {
        Self {
            set_read_timeout: Stream::set_read_timeout,
            set_write_timeout: Stream::set_write_timeout,
            shutdown: Some(Stream::shutdown),
            read_timeout: None,
        }
    }
}

/// A stream that is lent for writing.
pub(crate) struct Lent<'a, S> {
    stream: &'a mut S,
    set_timeout: SetTimeout<S>,
}

impl<S: Write> Write for Lent<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl<S: Write> Sink for Lent<'_, S> {
    fn limit(&mut self, limit: Option<Duration>, last: &mut Option<Duration>) {
        set_timeout(self.set_timeout, self.stream, limit, last);
    }
}

/// Sets a timeout of the stream, unless it is the same as before.
fn set_timeout<S>(
    set: SetTimeout<S>,
    stream: &S,
    timeout: Option<Duration>,
    last: &mut Option<Duration>,
) {
    // It fails if the stream has ended, and that the operation itself will tell.
    if timeout != *last && set(stream, timeout).is_ok() {
        *last = timeout;
    }
}
