//! The streams that this crate opens and accepts itself.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tls")]
use ws_common::ServerTls;

#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// A TCP connection, with or without TLS.
///
/// It can be read by one thread while others write, and its timeouts are set by the
/// [`WebSocket`](crate::WebSocket) it belongs to.
#[derive(Clone, Debug)]
pub struct Stream(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Tcp(Arc<TcpStream>),
    #[cfg(feature = "tls")]
    Tls(TlsStream),
}

impl Stream {
    #[cfg(feature = "tls")]
    pub(crate) fn over_tls(tcp: TcpStream, tls: rustls::Connection) -> Self {
        Self(Kind::Tls(TlsStream::new(tcp, tls)))
    }

    /// Begins TLS on a connection that a client has opened; nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the configuration is not fit for use.
    #[cfg(feature = "tls")]
    pub fn accept_tls(tls: &ServerTls, tcp: TcpStream) -> io::Result<Self> {
        Ok(Self::over_tls(tcp, tls.begin()?.into()))
    }

    /// Returns the TCP connection, for its addresses and options.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match &self.0 {
            Kind::Tcp(tcp) => tcp,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.tcp(),
        }
    }

    pub(crate) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.tcp().set_read_timeout(timeout)
    }

    pub(crate) fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.tcp().set_write_timeout(timeout)
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match &self.0 {
            Kind::Tcp(tcp) => tcp.shutdown(how),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.shutdown(how),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Self(Kind::Tcp(Arc::new(tcp)))
    }
}

impl Read for Stream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(tcp) => (&**tcp).read(to),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.read(to),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(tcp) => (&**tcp).write(from),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.write(from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Tcp(tcp) => (&**tcp).flush(),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.flush(),
        }
    }
}
