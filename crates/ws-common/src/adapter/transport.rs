//! The writing side of a transport.

use std::io::{self, IoSlice};

use super::TransportInfo;

/// The writing side of a transport. A [`Link`](super::Link) writes to it.
pub trait Transport: Send + 'static {
    /// Writes some of `bytes` without waiting, and returns how many of them the operating system has
    /// accepted. A transport that transforms bytes, such as TLS, may keep transformed bytes of a call that
    /// fails with `WouldBlock`; the next call starts with the same bytes and continues with its output.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the transport accepts no bytes at the moment, `Interrupted` to be called again. After
    /// any other error, or 0, nothing more is written.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Writes some of several slices as [`try_write`](Self::try_write) does, in order. None of them is empty.
    ///
    /// # Errors
    ///
    /// As [`try_write`](Self::try_write).
    fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write(slices.first().map_or(&[], |first| first))
    }

    /// Returns the socket, for its options; `None` without one.
    fn socket(&self) -> Option<socket2::SockRef<'_>> {
        None
    }

    /// Returns whether the transport is known to accept no bytes at the moment.
    fn is_blocked(&self) -> bool;

    /// Ends the writing side and leaves the reading side open. Further calls do nothing, and neither does
    /// the first if only dropping the transport ends its writing side.
    fn shutdown(&mut self);

    /// Returns the addresses of the connection and its TLS parameters, for a server's decision.
    fn info(&self) -> TransportInfo {
        TransportInfo::new()
    }
}
