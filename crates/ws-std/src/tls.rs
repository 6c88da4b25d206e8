//! TLS with rustls: one thread reads the stream while others write.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use ws_common::TlsInfo;
use ws_common::adapter::tls::TlsState;

use crate::retry::{is_timeout, retry};
use crate::sys::{self, Wait};

/// A TLS connection over TCP. Clones share the connection; one may read while others write, because no
/// thread waits for the socket while it holds the lock of the TLS state.
#[derive(Clone, Debug)]
pub(crate) struct TlsStream {
    tcp: Arc<TcpStream>,
    state: Arc<Mutex<TlsState>>,
}

/// Writes ciphertext without waiting.
struct Now<'a>(&'a TcpStream);

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        sys::write_now(self.0, bytes)
    }

    /// Several records at once.
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [one] => self.write(one),
            _ => sys::write_vectored_now(self.0, slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsStream {
    /// Begins TLS on a stream; reads and writes nothing yet.
    pub(crate) fn new(tcp: TcpStream, tls: TlsState) -> Self {
        let state = Arc::new(Mutex::new(tls));
        Self { tcp: Arc::new(tcp), state }
    }

    pub(crate) const fn tcp(&self) -> &Arc<TcpStream> {
        &self.tcp
    }

    /// Writes as [`Transport::try_write`](ws_common::adapter::Transport::try_write) does.
    pub(crate) fn try_write(&self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        self.lock().try_write(from, &mut Now(&self.tcp))
    }

    /// Sends `close_notify` and shuts down the writing side of the socket.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        // If the socket does not take the alert, the peer sees only the end of the stream.
        let _ = self.lock().close(&mut Now(&self.tcp));
        self.tcp.shutdown(Shutdown::Write)
    }

    /// Reads as [`Stream::receive`](crate::Stream) does, into a buffer with room for ciphertext.
    pub(crate) fn receive(&self, to: &mut [u8], wait: Wait) -> io::Result<Option<usize>> {
        let mut state = self.lock();
        // The ClientHello has to leave before a client reads.
        let _ = state.flush(&mut Now(&self.tcp));
        if let Some(read) = state.read(to)? {
            return Ok(Some(read));
        }
        let room = state.ciphertext_room(to).ok_or(ErrorKind::InvalidInput)?;
        drop(state);
        if !sys::wait_readable(&self.tcp, wait)? {
            return Ok(None);
        }
        let read = retry(|| (&*self.tcp).read(&mut to[room.clone()]))?;
        self.lock().decrypt(to, room.start..room.start + read, &mut Now(&self.tcp))
    }

    pub(crate) fn info(&self) -> TlsInfo {
        self.lock().info()
    }

    /// Whether the TLS handshake is done.
    pub(crate) fn takes_output(&self) -> bool {
        !self.lock().is_handshaking()
    }

    /// Whether ciphertext is left that the socket does not take now.
    pub(crate) fn owes_output(&self) -> bool {
        let mut state = self.lock();
        matches!(state.flush(&mut Now(&self.tcp)), Err(error) if is_timeout(&error))
    }

    fn lock(&self) -> MutexGuard<'_, TlsState> {
        self.state.lock()
    }
}
