//! TLS, by rustls: a stream that one thread reads while others write.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

use ws_common::adapter::tls::process;
use ws_common::rustls::Connection;

use crate::patience::HARDLY;
use crate::pipe::{is_timeout, retry};

/// The ciphertext that one read takes at most: a TLS record, more or less.
const READ_SIZE: usize = 17 << 10;

/// A TLS connection over TCP. Clones are the same connection; one may read while another writes,
/// because nobody holds the lock of the TLS state while waiting for the socket.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: Arc<TcpStream>,
    tls: Arc<Mutex<Connection>>,
    sending: Arc<Mutex<Sending>>,
    received: Received,
}

/// Ciphertext on its way out.
#[derive(Debug, Default)]
struct Sending {
    bytes: Vec<u8>,
    written: usize,
}

/// Ciphertext that came in and was not decrypted yet.
#[derive(Debug, Default)]
struct Received {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl TlsStream {
    /// Begins TLS on a stream; nothing is read or written yet.
    pub(crate) fn new(tcp: TcpStream, tls: Connection) -> Self {
        Self {
            tcp: Arc::new(tcp),
            tls: Arc::new(Mutex::new(tls)),
            sending: Arc::default(),
            received: Received::default(),
        }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Ends the writing side, with the alert that says so, or both sides.
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.lock().send_close_notify();
        // The peer may not take it, and nobody waits for that.
        let _ = self.tcp.set_write_timeout(Some(HARDLY));
        let _ = self.try_send();
        self.tcp.shutdown(how)
    }

    /// The TLS state is whole between any two calls of it.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends all ciphertext there is.
    fn send(&self) -> io::Result<()> {
        self.send_through(&mut self.sending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends all ciphertext there is, unless another thread is at it.
    fn try_send(&self) -> io::Result<()> {
        match self.sending.try_lock() {
            Ok(mut sending) => self.send_through(&mut sending),
            Err(TryLockError::Poisoned(sending)) => self.send_through(&mut sending.into_inner()),
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    fn send_through(&self, sending: &mut Sending) -> io::Result<()> {
        loop {
            while sending.written < sending.bytes.len() {
                let rest = &sending.bytes[sending.written..];
                match retry(|| (&*self.tcp).write(rest))? {
                    0 => return Err(ErrorKind::WriteZero.into()),
                    written => sending.written += written,
                }
            }
            sending.written = 0;
            sending.bytes.clear();
            let mut tls = self.lock();
            if !tls.wants_write() {
                return Ok(());
            }
            tls.write_tls(&mut sending.bytes)?;
        }
    }

    /// Decrypts until there is plaintext, or no ciphertext left.
    fn decrypt(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match tls.reader().read(to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The end, with the alert that says so or without; a WebSocket says it once more.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            let Received { bytes, start, end } = &mut self.received;
            if start == end {
                return Err(ErrorKind::WouldBlock.into());
            }
            *start += tls.read_tls(&mut &bytes[*start..*end])?;
            process(&mut tls)?;
        }
    }
}

impl Clone for TlsStream {
    /// The same connection, for writing: what was received stays with the one that reads.
    fn clone(&self) -> Self {
        Self {
            tcp: Arc::clone(&self.tcp),
            tls: Arc::clone(&self.tls),
            sending: Arc::clone(&self.sending),
            received: Received::default(),
        }
    }
}

impl Read for TlsStream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        for reads in 0.. {
            let decrypted = self.decrypt(to);
            // A handshake has its own bytes to send, and a failed one an alert. If they cannot be sent,
            // reading says why.
            let _ = self.try_send();
            match decrypted {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            // Ciphertext that makes no plaintext does not stretch the timeout.
            if reads > 0 && self.tcp.read_timeout()?.is_some_and(|limit| began.elapsed() >= limit) {
                break;
            }
            let Received { bytes, start, end } = &mut self.received;
            bytes.resize(READ_SIZE, 0);
            (*start, *end) = (0, retry(|| (&*self.tcp).read(bytes))?);
            if *end == 0 {
                // Tells rustls that nothing more comes.
                self.lock().read_tls(&mut io::empty())?;
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }
}

impl Write for TlsStream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        // Nobody else sends until this has left: a reader that did would wait for the peer in our stead.
        let mut sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        // What was taken before leaves first, so that it cannot pile up.
        self.send_through(&mut sending)?;
        let taken = self.lock().writer().write(from)?;
        // All of it was taken, wherever it is now: what cannot be sent at once is sent by `flush`.
        match self.send_through(&mut sending) {
            Err(error) if !is_timeout(&error) => Err(error),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
