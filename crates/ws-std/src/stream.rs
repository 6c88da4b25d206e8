//! The streams of connections: TCP, with or without TLS, or any other.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use ws_common::adapter::Transport;

use crate::sys::{self, Wait};
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// A stream to carry a connection: TCP, with or without TLS, or [any other](Self::new).
///
/// One thread reads it while others write.
#[derive(Clone, Debug)]
pub struct Stream(Kind);

#[derive(Clone)]
enum Kind {
    Tcp(Arc<TcpStream>),
    #[cfg(feature = "tls")]
    Tls(TlsStream),
    Other(Arc<Mutex<dyn Duplex>>),
}

/// Both directions of a stream.
trait Duplex: Read + Write + Send {}

impl<S: Read + Write + Send> Duplex for S {}

impl Stream {
    /// Takes any stream, such as a pipe, a Unix socket, or TLS of another make.
    ///
    /// Nothing is known of such a stream but how to read and write it: while one thread reads it, no other
    /// can write it; deadlines are observed whenever a call returns; sending does not wait for room; and
    /// only dropping it ends it. Give it timeouts, or make it non-blocking, for more: a call of the
    /// connection then fails with `WouldBlock` or `TimedOut`, has lost nothing, and can be repeated.
    #[must_use]
    pub fn new(stream: impl Read + Write + Send + 'static) -> Self {
        Self(Kind::Other(Arc::new(Mutex::new(stream))))
    }

    /// Begins TLS on a connection that a client has opened; nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the configuration is not fit for use.
    #[cfg(feature = "tls")]
    pub fn accept_tls(tls: &ws_common::ServerTls, tcp: TcpStream) -> io::Result<Self> {
        Ok(Self::over_tls(tcp, tls.begin()?.into()))
    }

    #[cfg(feature = "tls")]
    pub(crate) fn over_tls(tcp: TcpStream, tls: rustls::Connection) -> Self {
        Self(Kind::Tls(TlsStream::new(tcp, tls)))
    }

    /// Returns the TCP connection, for its addresses and options; `None` for another stream.
    #[must_use]
    pub fn tcp(&self) -> Option<&TcpStream> {
        self.socket().map(|tcp| &**tcp)
    }

    pub(crate) const fn socket(&self) -> Option<&Arc<TcpStream>> {
        match &self.0 {
            Kind::Tcp(tcp) => Some(tcp),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => Some(tls.tcp()),
            Kind::Other(_) => None,
        }
    }

    /// Reads something, once it is there. `None`, if room ended the wait, or if what came is not for the
    /// connection, such as a part of a TLS record.
    pub(crate) fn receive(&mut self, to: &mut [u8], wait: Wait) -> io::Result<Option<usize>> {
        match &mut self.0 {
            Kind::Tcp(tcp) => match sys::wait_readable(tcp, wait)? {
                true => (&**tcp).read(to).map(Some),
                false => Ok(None),
            },
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.receive(to, wait),
            Kind::Other(stream) => {
                stream.lock().unwrap_or_else(PoisonError::into_inner).read(to).map(Some)
            }
        }
    }

    /// Whether it can be written although nothing was read: not in a TLS handshake.
    pub(crate) fn takes_output(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.takes_output(),
            _ => true,
        }
    }

    /// Whether it has bytes of its own to write, after an attempt to do so.
    pub(crate) fn owes_output(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.owes_output(),
            _ => false,
        }
    }

    /// Ends the reading side, and with it a wait for input; or both sides.
    pub(crate) fn release(&self, both: bool) {
        if let Some(tcp) = self.tcp() {
            let how = if both { Shutdown::Both } else { Shutdown::Read };
            // If the peer is gone, they have ended.
            let _ = tcp.shutdown(how);
        }
    }

    /// Whether there is something to read.
    pub(crate) fn has_input(&self) -> bool {
        self.tcp().is_some_and(sys::has_input)
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Self(Kind::Tcp(Arc::new(tcp)))
    }
}

impl Transport for Stream {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(tcp) => sys::write_now(tcp, bytes),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.try_write(bytes),
            Kind::Other(stream) => match stream.try_lock() {
                Ok(mut stream) => write(&mut *stream, bytes),
                Err(TryLockError::Poisoned(stream)) => write(&mut *stream.into_inner(), bytes),
                // The thread that reads writes this afterwards.
                Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
            },
        }
    }

    /// It is found out by trying.
    fn is_blocked(&self) -> bool {
        false
    }

    fn shutdown(&mut self) {
        // If the peer is gone, reading says so.
        let _ = match &mut self.0 {
            Kind::Tcp(tcp) => tcp.shutdown(Shutdown::Write),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.shutdown(),
            Kind::Other(_) => Ok(()),
        };
    }

    fn can_shutdown(&self) -> bool {
        !matches!(self.0, Kind::Other(_))
    }
}

/// Writes to a stream of any kind, and has it let go of what it has taken.
fn write(stream: &mut (impl Write + ?Sized), bytes: &[u8]) -> io::Result<usize> {
    let written = stream.write(bytes).map_err(would_block)?;
    match stream.flush() {
        Err(error) if !is_timeout(&error) => Err(error),
        // It was taken, and the stream goes on with it at the next call.
        _ => Ok(written),
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(tcp) => tcp.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.fmt(f),
            Self::Other(_) => f.write_str("Other"),
        }
    }
}

/// Whether the operation only has to be repeated later. Which of the two kinds a timeout has
/// depends on the operating system.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn would_block(error: io::Error) -> io::Error {
    if is_timeout(&error) { ErrorKind::WouldBlock.into() } else { error }
}

/// Repeats what a signal interrupts.
pub(crate) fn retry<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
