//! TLS over an asynchronous stream, with rustls.

use std::io::{self, ErrorKind, IoSlice, Write};

use ws_common::TlsInfo;
use ws_common::adapter::tls::TlsState;

use super::{AsyncStream, Polled};

/// One end of a TLS connection. Reads and writes drive its handshake.
pub(super) struct Tls {
    state: TlsState,
    /// Whether another read may succeed without input from the stream.
    has_more: bool,
}

impl Tls {
    pub(super) const fn new(state: TlsState) -> Self {
        Self { state, has_more: false }
    }

    pub(super) fn info(&self) -> TlsInfo {
        self.state.info()
    }

    /// Returns whether another read may succeed without input from the stream.
    pub(super) const fn has_more(&self) -> bool {
        self.has_more
    }

    /// Returns whether ciphertext is unwritten.
    pub(super) fn wants_write(&self) -> bool {
        self.state.wants_write()
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
        let shut_down = || {
            let mut end = stream;
            // Fails if the peer is gone.
            let _ = end.flush().and_then(|()| stream.shut_down());
        };
        let read = self.state.read_from(to, &mut &*stream, &mut &*stream, shut_down);
        self.has_more = match read {
            Ok(None) => true,
            Ok(Some(_)) => self.state.has_more(),
            Err(_) => false,
        };
        read?.ok_or_else(|| ErrorKind::WouldBlock.into())
    }
}
