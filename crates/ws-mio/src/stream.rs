//! The streams of connections: TCP, with or without TLS.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

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
    #[cfg(feature = "tls")]
    pub(crate) fn over_tls(tcp: TcpStream, tls: rustls::Connection) -> Self {
        Self(Kind::Tls(Box::new(TlsStream::new(tcp, tls))))
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

    /// Begins TLS on a connection to the host of that name; nothing is written yet.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if that is no name that a certificate can be for.
    #[cfg(feature = "tls")]
    pub fn connect_tls(tls: &ws_common::ClientTls, tcp: TcpStream, host: &str) -> io::Result<Self> {
        Ok(Self::over_tls(tcp, tls.begin(host)?.into()))
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

    /// Whether there is more to read although the last read found nothing: it stopped, so that others
    /// have their turn.
    pub(crate) const fn has_more(&self) -> bool {
        match &self.0 {
            Kind::Tcp(_) => false,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.has_more(),
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

/// Writes several slices at once. No signal comes of it if the peer is gone (SIGPIPE), as it would of
/// `writev`, which knows no flags.
pub(crate) fn send_vectored(tcp: &TcpStream, from: &[IoSlice<'_>]) -> io::Result<usize> {
    match NO_SIGNAL {
        Some(flags) => tcp.try_io(|| SockRef::from(tcp).send_vectored_with_flags(from, flags)),
        // One after the other: plain writes are sent without a signal everywhere.
        None => {
            let first = from.iter().find(|slice| !slice.is_empty());
            (&mut &*tcp).write(first.map_or(&[], |slice| slice))
        }
    }
}

/// How to send without a signal; `None` where that is not known.
const NO_SIGNAL: Option<i32> = {
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
        target_os = "illumos",
        target_os = "solaris",
    ))]
    {
        Some(libc::MSG_NOSIGNAL)
    }
    // There are no signals.
    #[cfg(windows)]
    {
        Some(0)
    }
    #[cfg(not(any(
        windows,
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
        target_os = "illumos",
        target_os = "solaris",
    )))]
    {
        None
    }
};

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
            Kind::Tcp(tcp) => send_vectored(tcp, from),
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
