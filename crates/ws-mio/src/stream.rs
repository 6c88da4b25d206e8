//! The streams of connections: TCP, with or without TLS.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// A non-blocking TCP connection, with or without TLS.
#[derive(Debug)]
pub struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

impl Stream {
    /// Begins TLS on a connection that a client has opened; nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the configuration is not fit for use.
    #[cfg(feature = "tls")]
    pub fn accept_tls(tls: &ws_common::ServerTls, tcp: TcpStream) -> io::Result<Self> {
        Ok(Self(Kind::Tls(Box::new(TlsStream::new(tcp, tls.begin()?.into())))))
    }

    /// Begins TLS on a connection to the host of that name; nothing is written yet.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if that is no name that a certificate can be for.
    #[cfg(feature = "tls")]
    pub fn connect_tls(tls: &ws_common::ClientTls, tcp: TcpStream, host: &str) -> io::Result<Self> {
        Ok(Self(Kind::Tls(Box::new(TlsStream::new(tcp, tls.begin(host)?.into())))))
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

    /// Whether a read that took fewer bytes than it could has taken all there was.
    pub(crate) const fn reads_all(&self) -> bool {
        matches!(self.0, Kind::Tcp(_))
    }

    /// Ends the writing side.
    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Tcp(tcp) => tcp.shutdown(Shutdown::Write),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.shutdown(),
        }
    }

    fn tcp_mut(&mut self) -> &mut TcpStream {
        match &mut self.0 {
            Kind::Tcp(tcp) => tcp,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.tcp_mut(),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Self(Kind::Tcp(tcp))
    }
}

impl Read for Stream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(tcp) => tcp.read(to),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.read(to),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(tcp) => tcp.write(from),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.write(from),
        }
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(tcp) => tcp.write_vectored(from),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.write_vectored(from),
        }
    }

    /// Sends what TLS holds back; fails with `WouldBlock` if the peer does not take it now.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Tcp(_) => Ok(()),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.flush(),
        }
    }
}

impl Source for Stream {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.tcp_mut().register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.tcp_mut().reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.tcp_mut().deregister(registry)
    }
}
