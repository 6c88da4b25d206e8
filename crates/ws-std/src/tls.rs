//! TLS with rustls: one thread reads the stream while others write.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::Connection;
use ws_common::adapter::tls::process;

use crate::retry::{is_timeout, retry};
use crate::sys::{self, Wait};

/// The most bytes of ciphertext that one read takes: about one TLS record.
const READ_SIZE: usize = 17 << 10;

/// A TLS connection over TCP. Clones share the connection; one may read while others write, because no
/// thread waits for the socket while it holds the lock of the TLS state.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: Arc<TcpStream>,
    state: Arc<Mutex<State>>,
    received: Received,
}

/// The TLS state, with ciphertext that is not sent yet.
#[derive(Debug)]
struct State {
    tls: Connection,
    /// How many bytes of plaintext are encrypted, but not sent and not reported as written yet.
    taken: usize,
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

impl State {
    /// Sends all ciphertext; fails with `WouldBlock` if the socket does not take it.
    fn flush(&mut self, tcp: &TcpStream) -> io::Result<()> {
        while self.tls.wants_write() {
            if retry(|| self.tls.write_tls(&mut Now(tcp)))? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

impl TlsStream {
    /// Begins TLS on a stream; reads and writes nothing yet.
    pub(crate) fn new(tcp: TcpStream, tls: Connection) -> Self {
        let state = Arc::new(Mutex::new(State { tls, taken: 0 }));
        Self { tcp: Arc::new(tcp), state, received: Received::default() }
    }

    pub(crate) const fn tcp(&self) -> &Arc<TcpStream> {
        &self.tcp
    }

    /// Writes as [`Transport::try_write`](ws_common::adapter::Transport::try_write) does: bytes count as
    /// written once their ciphertext is sent.
    pub(crate) fn try_write(&self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        let state = &mut *self.lock();
        state.flush(&self.tcp)?;
        if state.taken == 0 {
            state.taken = state.tls.writer().write_vectored(from)?;
            if state.taken == 0 {
                // Before the handshake is done, rustls buffers a limited amount of plaintext.
                return Err(ErrorKind::WouldBlock.into());
            }
            state.flush(&self.tcp)?;
        }
        Ok(mem::take(&mut state.taken))
    }

    /// Sends `close_notify` and shuts down the writing side of the socket.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.tls.send_close_notify();
        // If the alert cannot be sent, the end of TCP has to do.
        let _ = state.flush(&self.tcp);
        drop(state);
        self.tcp.shutdown(Shutdown::Write)
    }

    /// Reads as [`Stream::receive`](crate::Stream) does.
    pub(crate) fn receive(&mut self, to: &mut [u8], wait: Wait) -> io::Result<Option<usize>> {
        // The ClientHello has to leave before a client reads.
        let _ = self.lock().flush(&self.tcp);
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
            self.lock().tls.read_tls(&mut io::empty())?;
        }
        self.decrypt(to)
    }

    /// Whether the TLS handshake is done.
    pub(crate) fn takes_output(&self) -> bool {
        !self.lock().tls.is_handshaking()
    }

    /// Whether ciphertext is left that the socket does not take now.
    pub(crate) fn owes_output(&self) -> bool {
        let mut state = self.lock();
        matches!(state.flush(&self.tcp), Err(error) if is_timeout(&error))
    }

    /// Ignores poisoning: rustls keeps its state consistent between calls.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decrypts until there is plaintext; `None` if more ciphertext is needed, `Some(0)` at the end.
    fn decrypt(&mut self, to: &mut [u8]) -> io::Result<Option<usize>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Received { bytes, start, end } = &mut self.received;
        loop {
            match state.tls.reader().read(to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The end of TCP without `close_notify`. A Close frame guards against truncation.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Some(0)),
                result => return result.map(Some),
            }
            if start == end {
                return Ok(None);
            }
            *start += state.tls.read_tls(&mut &bytes[*start..*end])?;
            let processed = process(&mut state.tls);
            // Send handshake messages, or the alert of a failed handshake. If that fails, reading reports
            // the reason.
            let _ = state.flush(&self.tcp);
            processed?;
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
