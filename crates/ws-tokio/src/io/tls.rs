//! TLS over an asynchronous stream, with rustls.

use std::io::{self, ErrorKind, IoSlice};

use ws_common::TlsInfo;
use ws_common::adapter::tls::TlsState;

use super::{AsyncStream, Polled};

/// The maximum number of ciphertext reads per read: 4 KiB each, or the rest of a TLS handshake message.
const READS: usize = 4;

/// How many bytes of ciphertext to read and discard after an error, so that no reset overtakes the alert.
const DRAIN: usize = 1 << 20;

/// One end of a TLS connection. Reads and writes drive its handshake.
pub(super) struct Tls {
    state: TlsState,
    /// Whether the last read stopped at its limit, with more to read.
    has_more: bool,
}

impl Tls {
    pub(super) const fn new(state: TlsState) -> Self {
        Self { state, has_more: false }
    }

    pub(super) fn info(&self) -> TlsInfo {
        self.state.info()
    }

    /// Returns whether another read may succeed although the last one returned `WouldBlock`.
    pub(super) const fn has_more(&self) -> bool {
        self.has_more
    }

    pub(super) fn flush<S: AsyncStream>(&mut self, stream: &Polled<'_, S>) -> io::Result<()> {
        self.state.flush(&mut &*stream)
    }

    pub(super) fn write<S: AsyncStream>(
        &mut self,
        from: &[IoSlice<'_>],
        stream: &Polled<'_, S>,
    ) -> io::Result<usize> {
        self.state.try_write(from, &mut &*stream)
    }

    /// Writes a `close_notify` alert.
    pub(super) fn close<S: AsyncStream>(&mut self, stream: &Polled<'_, S>) -> io::Result<()> {
        self.state.close(&mut &*stream)
    }

    /// Reads plaintext, from a bounded amount of ciphertext.
    pub(super) fn read<S: AsyncStream>(
        &mut self,
        to: &mut [u8],
        stream: &Polled<'_, S>,
    ) -> io::Result<usize> {
        self.has_more = false;
        for reads in 0.. {
            if let Some(read) = self.state.read(to)? {
                return Ok(read);
            }
            if reads == READS {
                break;
            }
            let received = self.state.receive(&mut &*stream, &mut &*stream);
            if received.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidData) {
                drain(stream);
            }
            received?;
        }
        self.has_more = true;
        Err(ErrorKind::WouldBlock.into())
    }
}

/// Reads and discards input after an error, so that the alert reaches the peer: closing a socket with unread input
/// resets the connection, and the peer then discards its unread input, too.
fn drain<S: AsyncStream>(stream: &Polled<'_, S>) {
    use std::io::{Read, Write};

    // The caller returns the TLS error, which says more than one of the stream.
    let mut end = stream;
    let _ = end.flush().and_then(|()| stream.shut_down());
    let (mut buffer, mut drained) = ([0; 16 << 10], 0);
    while drained < DRAIN {
        match end.read(&mut buffer) {
            Ok(read @ 1..) => drained += read,
            Ok(0) | Err(_) => break,
        }
    }
}
