//! The streams of connections: TCP, TLS over TCP, or any other.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::fd::OwnedFd;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use parking_lot::Mutex;
#[cfg(feature = "tls")]
use ws_common::adapter::tls::TlsState;
use ws_common::adapter::{Transport, TransportInfo};
use ws_common::socket2::SockRef;

use crate::retry::{is_timeout, would_block};
use crate::sys::{self, Wait};
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// The stream of a connection: TCP, on Unix also a Unix domain socket, TLS over TCP, or [any
/// other](Self::new). Clones share the stream.
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
    /// Wraps any stream, such as a pipe, or another TLS implementation.
    ///
    /// Such a stream can only be read and written. While one thread reads it, no other can write;
    /// deadlines are checked only when a read returns; sending does not wait for room; and only
    /// dropping the stream ends it. To avoid long waits, set timeouts or make the stream non-blocking: a
    /// call of the connection then fails with `WouldBlock` or `TimedOut`, loses nothing, and can be
    /// repeated.
    #[must_use]
    pub fn new(stream: impl Read + Write + Send + 'static) -> Self {
        Self(Kind::Other(Arc::new(Mutex::new(stream))))
    }

    /// Begins TLS on a TCP connection that a client has opened; reads nothing yet.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if rustls rejects the configuration.
    #[cfg(feature = "tls")]
    pub fn accept_tls(tls: &ws_common::ServerTls, tcp: TcpStream) -> io::Result<Self> {
        Ok(Self::over_tls(tcp, TlsState::new(tls.begin()?.into())))
    }

    #[cfg(feature = "tls")]
    pub(crate) fn over_tls(tcp: TcpStream, tls: TlsState) -> Self {
        Self(Kind::Tls(TlsStream::new(tcp, tls)))
    }

    /// Returns the TCP stream, for its addresses and socket options; `None` for [other](Self::new) streams.
    #[must_use]
    pub fn tcp(&self) -> Option<&TcpStream> {
        self.socket().map(|tcp| &**tcp)
    }

    /// Returns the TCP stream if the connection's bytes are on it as they are, without TLS.
    pub(crate) const fn plain_tcp(&self) -> Option<&Arc<TcpStream>> {
        match &self.0 {
            Kind::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }

    pub(crate) const fn socket(&self) -> Option<&Arc<TcpStream>> {
        match &self.0 {
            Kind::Tcp(tcp) => Some(tcp),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => Some(tls.tcp()),
            Kind::Other(_) => None,
        }
    }

    /// Waits for input and reads it. `None` if room or a signal ended the wait, or if the input was no data
    /// for the connection, such as part of a TLS record.
    pub(crate) fn receive(&mut self, to: &mut [u8], wait: Wait) -> io::Result<Option<usize>> {
        match &mut self.0 {
            Kind::Tcp(tcp) => match sys::wait_readable(tcp, wait)? {
                true => (&**tcp).read(to).map(Some),
                false => Ok(None),
            },
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.receive(to, wait),
            Kind::Other(stream) => stream.lock().read(to).map(Some),
        }
    }

    /// Whether output can be written without reading first: not during a TLS handshake.
    pub(crate) fn takes_output(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.takes_output(),
            _ => true,
        }
    }

    /// Whether TLS has bytes of its own that the socket does not take now.
    pub(crate) fn owes_output(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.owes_output(),
            _ => false,
        }
    }

    /// Shuts down the reading side, or both sides, which wakes threads that wait on the socket.
    pub(crate) fn release(&self, both: bool) {
        if let Some(tcp) = self.tcp() {
            let how = if both { Shutdown::Both } else { Shutdown::Read };
            // Fails if the peer is gone.
            let _ = tcp.shutdown(how);
        }
    }

    /// Whether unread input has arrived.
    pub(crate) fn has_input(&self) -> bool {
        self.tcp().is_some_and(sys::has_input)
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Self(Kind::Tcp(Arc::new(tcp)))
    }
}

/// A Unix domain socket has no address, and [`tcp`](Stream::tcp) returns it as a stream on which only
/// options of TCP fail.
#[cfg(unix)]
impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        TcpStream::from(OwnedFd::from(stream)).into()
    }
}

impl Transport for Stream {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(tcp) => sys::write_now(tcp, bytes),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.try_write(&[IoSlice::new(bytes)]),
            Kind::Other(stream) => match stream.try_lock() {
                Some(mut stream) => write(&mut *stream, bytes),
                // The reading thread writes it when its read returns.
                None => Err(ErrorKind::WouldBlock.into()),
            },
        }
    }

    fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(tcp) => sys::write_vectored_now(tcp, slices),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.try_write(slices),
            Kind::Other(_) => self.try_write(&slices[0]),
        }
    }

    fn socket(&self) -> Option<SockRef<'_>> {
        self.tcp().map(SockRef::from)
    }

    /// Unknown until a write is tried.
    fn is_blocked(&self) -> bool {
        false
    }

    fn info(&self) -> TransportInfo {
        let address = self.tcp().and_then(|tcp| tcp.local_addr().ok());
        let info = TransportInfo::new().local_addr(address);
        match &self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => info.tls(tls.info()),
            _ => info,
        }
    }

    fn shutdown(&mut self) {
        // If the peer is gone, reading reports it.
        let _ = match &mut self.0 {
            Kind::Tcp(tcp) => tcp.shutdown(Shutdown::Write),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.shutdown(),
            Kind::Other(_) => Ok(()),
        };
    }
}

/// Writes to any stream, and flushes it in case it buffers.
fn write(stream: &mut (impl Write + ?Sized), bytes: &[u8]) -> io::Result<usize> {
    let written = stream.write(bytes).map_err(would_block)?;
    match stream.flush() {
        Err(error) if !is_timeout(&error) => Err(error),
        // The stream has the bytes, and flushes them at the next call.
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
