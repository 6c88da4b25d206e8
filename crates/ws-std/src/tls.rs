//! TLS, by rustls: a stream that one thread reads while others write.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::Connection;

use crate::stream::{is_timeout, retry};
use crate::sys::{self, Wait};

/// The ciphertext that one read takes at most: a TLS record, more or less.
const READ_SIZE: usize = 17 << 10;

/// A TLS connection over TCP. Clones are the same connection; one may read while another writes,
/// because no thread holds the lock of the TLS state while it waits for the socket.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: Arc<TcpStream>,
    state: Arc<Mutex<State>>,
    received: Received,
}

/// The state of TLS, and ciphertext on its way out.
#[derive(Debug)]
struct State {
    tls: Connection,
    /// How many bytes were encrypted of which the ciphertext has not left yet.
    taken: usize,
}

/// Ciphertext that came in and was not decrypted yet.
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
    /// Sends all ciphertext there is.
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
    /// Begins TLS on a stream; nothing is read or written yet.
    pub(crate) fn new(tcp: TcpStream, tls: Connection) -> Self {
        let state = Arc::new(Mutex::new(State { tls, taken: 0 }));
        Self { tcp: Arc::new(tcp), state, received: Received::default() }
    }

    pub(crate) const fn tcp(&self) -> &Arc<TcpStream> {
        &self.tcp
    }

    /// Writes as [`Transport::try_write`](ws_common::adapter::Transport::try_write) does: bytes count as
    /// written once their ciphertext has left.
    pub(crate) fn try_write(&self, from: &[u8]) -> io::Result<usize> {
        let state = &mut *self.lock();
        state.flush(&self.tcp)?;
        if state.taken == 0 {
            state.taken = state.tls.writer().write(from)?;
            if state.taken == 0 {
                // rustls keeps so much before the handshake is done, and no more.
                return Err(ErrorKind::WouldBlock.into());
            }
            state.flush(&self.tcp)?;
        }
        Ok(mem::take(&mut state.taken))
    }

    /// Ends the writing side, with the alert that says so.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.tls.send_close_notify();
        // If the peer does not take it, the end of TCP must do.
        let _ = state.flush(&self.tcp);
        drop(state);
        self.tcp.shutdown(Shutdown::Write)
    }

    /// Reads as [`Stream::receive`](crate::Stream) does.
    pub(crate) fn receive(&mut self, to: &mut [u8], wait: Wait) -> io::Result<Option<usize>> {
        // A client speaks first.
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
            // Tells rustls that nothing more comes.
            self.lock().tls.read_tls(&mut io::empty())?;
        }
        self.decrypt(to)
    }

    /// Whether the handshake is done.
    pub(crate) fn takes_output(&self) -> bool {
        !self.lock().tls.is_handshaking()
    }

    /// Whether there is ciphertext that could not leave.
    pub(crate) fn owes_output(&self) -> bool {
        let mut state = self.lock();
        matches!(state.flush(&self.tcp), Err(error) if is_timeout(&error))
    }

    /// The TLS state is whole between any two calls of it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decrypts until there is plaintext; `None` if there is no ciphertext left.
    fn decrypt(&mut self, to: &mut [u8]) -> io::Result<Option<usize>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Received { bytes, start, end } = &mut self.received;
        loop {
            match state.tls.reader().read(to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The end, with the alert that says so or without; a WebSocket says it once more.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Some(0)),
                result => return result.map(Some),
            }
            if start == end {
                return Ok(None);
            }
            *start += state.tls.read_tls(&mut &bytes[*start..*end])?;
            let processed = state.tls.process_new_packets();
            // A handshake has its own bytes to send, and a failed one an alert. If they cannot be sent,
            // reading says why.
            let _ = state.flush(&self.tcp);
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }
}

impl Clone for TlsStream {
    /// The same connection, for writing: what was received stays with the one that reads.
    fn clone(&self) -> Self {
        let (tcp, state) = (Arc::clone(&self.tcp), Arc::clone(&self.state));
        Self { tcp, state, received: Received::default() }
    }
}
