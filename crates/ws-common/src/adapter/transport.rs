//! The writing side of a transport.

use std::io;

/// The writing side of a transport, as a [`Link`](super::Link) uses it.
pub trait Transport: Send + 'static {
    /// Writes some of `bytes`, without waiting, and returns how many of them the operating system has
    /// taken. A transport that transforms bytes may hold on to its product: then this fails with
    /// `WouldBlock`, and the next call, with the same bytes in front, goes on with it.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, if the peer takes nothing now; any other, if nothing can be written any more.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Whether the transport is known to take nothing at the moment.
    fn is_blocked(&self) -> bool;

    /// Ends the writing side, and leaves the reading side open. Does nothing the second time.
    fn shutdown(&mut self);

    /// Whether [`shutdown`](Self::shutdown) does anything. If not, only dropping the transport ends it.
    fn can_shutdown(&self) -> bool {
        true
    }
}
