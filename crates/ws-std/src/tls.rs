//! TLS with rustls: one thread reads the stream while others write.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use ws_common::TlsInfo;
use ws_common::adapter::tls::TlsState;

use crate::retry::{is_timeout, retry};
use crate::sys::{self, Wait};

/// The most bytes of ciphertext that one read takes: about one TLS record.
const READ_SIZE: usize = 17 << 10;

/// A TLS connection over TCP. Clones share the connection; one may read while others write, because no
/// thread waits for the socket while it holds the lock of the TLS state.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: Arc<TcpStream>,
    state: Arc<Mutex<TlsState>>,
    received: Received,
}

/// Ciphertext that was read and not decrypted yet.
#[derive(Debug, Default)]
struct Received {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// Writes ciphertext without waiting.
struct Now<'a>(&'a TcpStream);

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        sys::write_now(self.0, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsStream {
    /// Begins TLS on a stream; reads and writes nothing yet.
    pub(crate) fn new(tcp: TcpStream, tls: TlsState) -> Self {
        let state = Arc::new(Mutex::new(tls));
        Self { tcp: Arc::new(tcp), state, received: Received::default() }
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

    /// Reads as [`Stream::receive`](crate::Stream) does.
    pub(crate) fn receive(&mut self, to: &mut [u8], wait: Wait) -> io::Result<Option<usize>> {
        // The ClientHello has to leave before a client reads.
        let _ = self.lock().flush(&mut Now(&self.tcp));
        if let Some(read) = self.decrypt(to)? {
            return Ok(Some(read));
        }
        if !sys::wait_readable(&self.tcp, wait)? {
            return Ok(None);
        }
        let Received { bytes, start, end } = &mut self.received;
        bytes.resize(READ_SIZE, 0);
        (*start, *end) = (0, retry(|| (&*self.tcp).read(bytes))?);
        if *end == 0 {
            // Tells rustls that the input has ended.
            self.lock().receive(&mut io::empty(), &mut Now(&self.tcp))?;
        }
        self.decrypt(to)
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

    /// Decrypts until there is plaintext; `None` if more ciphertext is needed, `Some(0)` at the end.
    fn decrypt(&mut self, to: &mut [u8]) -> io::Result<Option<usize>> {
        let mut state = self.state.lock();
        let Received { bytes, start, end } = &mut self.received;
        loop {
            if let Some(read) = state.read(to)? {
                return Ok(Some(read));
            }
            if start == end {
                return Ok(None);
            }
            *start += state.receive(&mut &bytes[*start..*end], &mut Now(&self.tcp))?;
        }
    }
}

impl Clone for TlsStream {
    /// Clones the connection for writing: received ciphertext stays with the reading clone.
    fn clone(&self) -> Self {
        let (tcp, state) = (Arc::clone(&self.tcp), Arc::clone(&self.state));
        Self { tcp, state, received: Received::default() }
    }
}
