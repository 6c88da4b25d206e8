//! What a connection needs of its stream beyond reading and writing.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Functions of a stream that `Read` and `Write` do not have.
#[derive(Debug)]
pub(crate) struct Control<S> {
    /// Limits how long the next read may block.
    pub(crate) set_read_timeout: fn(&S, Option<Duration>) -> io::Result<()>,
    /// Ends the writing side, or both.
    pub(crate) shutdown: fn(&S, Shutdown) -> io::Result<()>,
}

impl<S> Control<S> {
    /// For a stream of which nothing is known: deadlines are observed whenever a read returns.
    pub(crate) const fn none() -> Self {
        Self { set_read_timeout: |_, _| Ok(()), shutdown: |_, _| Ok(()) }
    }
}

impl Control<TcpStream> {
    pub(crate) const fn tcp() -> Self {
        Self { set_read_timeout: TcpStream::set_read_timeout, shutdown: TcpStream::shutdown }
    }
}
