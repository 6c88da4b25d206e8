//! Non-blocking streams: TCP with or without TLS.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::{Event, Source};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
#[cfg(unix)]
use rustix::{
    buffer::spare_capacity,
    io::retry_on_intr,
    net::{RecvFlags, recv},
};
use socket2::SockRef;
#[cfg(feature = "tls")]
use ws_common::adapter::tls::TlsState;
use ws_common::adapter::{Acceptor, Duplex, Transport, TransportInfo, tune};

use crate::readiness::{EDGES, Readiness};
#[cfg(feature = "tls")]
use crate::tls::TlsStream;
use crate::vectored::{NO_SIGNAL, send_vectored};

/// A non-blocking stream: a TCP connection, or on Unix a Unix domain socket; with or without TLS.
#[derive(Debug)]
pub struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream, Readiness),
    #[cfg(feature = "tls")]
    Tls(Box<(TlsStream, Readiness)>),
}

impl Stream {
    /// Begins TLS on a connection that a client has opened. Reads nothing yet.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the TLS configuration is unusable.
    #[cfg(feature = "tls")]
    pub fn accept_tls(tls: &ws_common::ServerTls, tcp: TcpStream) -> io::Result<Self> {
        let tls = TlsState::new(tls.begin()?.into());
        Ok(Self::over_tls(TlsStream::new(tcp, tls)))
    }

    /// Begins TLS on a connection to `host`, a DNS name or an IP address. Writes nothing yet.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if no certificate can be valid for `host`, or if the TLS configuration is unusable.
    #[cfg(feature = "tls")]
    pub fn connect_tls(tls: &ws_common::ClientTls, tcp: TcpStream, host: &str) -> io::Result<Self> {
        let tls = TlsState::new(tls.begin(host)?.into());
        Ok(Self::over_tls(TlsStream::new(tcp, tls)))
    }

    #[cfg(feature = "tls")]
    pub(crate) fn over_tls(tls: TlsStream) -> Self {
        Self(Kind::Tls(Box::new((tls, Readiness::NEW))))
    }

    /// Makes a stream of a connection that a server has accepted, and begins TLS if it has a certificate.
    pub(crate) fn accepted(acceptor: &Acceptor, tcp: TcpStream) -> io::Result<Self> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &acceptor.server().options().tls {
            return Self::accept_tls(tls, tcp);
        }
        let _ = acceptor;
        Ok(tcp.into())
    }

    /// Returns the TCP connection, for its addresses and options.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match &self.0 {
            Kind::Tcp(tcp, _) => tcp,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.tcp(),
        }
    }

    /// Records a readiness event.
    pub(crate) fn ready(&mut self, event: &Event) {
        let readiness = self.readiness_mut();
        readiness.ending |= event.is_read_closed() || event.is_error();
        readiness.readable |= event.is_readable() || readiness.ending;
        if event.is_writable() || event.is_write_closed() || event.is_error() {
            readiness.blocked = false;
            #[cfg(feature = "tls")]
            if let Kind::Tls(tls) = &mut self.0 {
                // Ciphertext of a read, such as an answer to a key update. If this fails, so does the next
                // read or write.
                let _ = tls.0.flush();
            }
        }
    }

    fn read_raw(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(tcp, _) => tcp.read(to),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.read(to),
        }
    }

    /// Returns whether another read may succeed without another event.
    fn may_read_more(&self, result: &io::Result<usize>, size: usize) -> bool {
        match &self.0 {
            Kind::Tcp(..) => result.as_ref().is_ok_and(|read| !EDGES || *read == size),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.may_read_more(),
        }
    }

    /// Records whether the socket is full after a write of `len` bytes.
    fn after_write(&mut self, result: io::Result<usize>, len: usize) -> io::Result<usize> {
        let blocked = match (&self.0, &result) {
            (Kind::Tcp(..), Ok(written)) => EDGES && *written < len,
            (Kind::Tcp(..), Err(error)) => error.kind() == ErrorKind::WouldBlock,
            // During its handshake, TLS waits for input, so no event announces that it can write.
            #[cfg(feature = "tls")]
            (Kind::Tls(tls), Err(error)) if error.kind() == ErrorKind::WouldBlock => {
                !tls.0.is_handshaking()
            }
            #[cfg(feature = "tls")]
            (Kind::Tls(_), _) => false,
        };
        self.readiness_mut().blocked |= blocked;
        result
    }

    #[inline]
    fn readiness(&self) -> &Readiness {
        match &self.0 {
            Kind::Tcp(_, readiness) => readiness,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => &tls.1,
        }
    }

    #[inline]
    fn readiness_mut(&mut self) -> &mut Readiness {
        match &mut self.0 {
            Kind::Tcp(_, readiness) => readiness,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => &mut tls.1,
        }
    }

    fn tcp_mut(&mut self) -> &mut TcpStream {
        match &mut self.0 {
            Kind::Tcp(tcp, _) => tcp,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.tcp_mut(),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        tune(&tcp);
        Self(Kind::Tcp(tcp, Readiness::NEW))
    }
}

/// A Unix domain socket has no address, and [`tcp`](Stream::tcp) returns it as a stream on which only
/// options of TCP fail.
#[cfg(unix)]
impl From<mio::net::UnixStream> for Stream {
    fn from(stream: mio::net::UnixStream) -> Self {
        from_unix(stream).into()
    }
}

/// Converts a Unix domain socket to a `TcpStream`, which reads and writes it in the same way.
#[cfg(unix)]
pub(crate) fn from_unix(stream: mio::net::UnixStream) -> TcpStream {
    let stream = std::os::unix::net::UnixStream::from(stream);
    TcpStream::from_std(std::os::fd::OwnedFd::from(stream).into())
}

impl Transport for Stream {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = match &mut self.0 {
            Kind::Tcp(tcp, _) => tcp.write(bytes),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.try_write(&[IoSlice::new(bytes)]),
        };
        self.after_write(result, bytes.len())
    }

    fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let result = match &mut self.0 {
            // Only one slice would be written, and a short write would not mean that the socket is full.
            Kind::Tcp(..) if NO_SIGNAL.is_none() => return self.try_write(&slices[0]),
            Kind::Tcp(tcp, _) => send_vectored(tcp, slices),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.try_write(slices),
        };
        self.after_write(result, slices.iter().map(|slice| slice.len()).sum())
    }

    fn socket(&self) -> Option<SockRef<'_>> {
        Some(SockRef::from(self.tcp()))
    }

    #[inline]
    fn is_blocked(&self) -> bool {
        self.readiness().blocked
    }

    fn info(&self) -> TransportInfo {
        let info = TransportInfo::new().local_addr(self.tcp().local_addr().ok());
        match &self.0 {
            Kind::Tcp(..) => info,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => info.tls(tls.0.info()),
        }
    }

    fn shutdown(&mut self) {
        if std::mem::replace(&mut self.readiness_mut().shut, true) {
            return;
        }
        // If the peer has gone, the next read fails.
        let _ = match &mut self.0 {
            Kind::Tcp(tcp, _) => tcp.shutdown(Shutdown::Write),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.shutdown(),
        };
    }
}

impl Duplex for Stream {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = loop {
            match self.read_raw(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.after_read(result, buffer.len())
    }

    #[cfg(unix)]
    fn try_read_into(&mut self, message: &mut Vec<u8>) -> Option<io::Result<usize>> {
        let size = message.capacity() - message.len();
        let result = match &self.0 {
            Kind::Tcp(tcp, _) => {
                let read = || recv(tcp, spare_capacity(message), RecvFlags::empty());
                retry_on_intr(read).map(|(_, read)| read)
            }
            #[cfg(feature = "tls")]
            Kind::Tls(_) => return None,
        };
        Some(self.after_read(result.map_err(Into::into), size))
    }

    #[inline]
    fn is_readable(&self) -> bool {
        self.readiness().readable
    }
}

impl Stream {
    /// Records whether another read may succeed after one of at most `size` bytes.
    fn after_read(&mut self, result: io::Result<usize>, size: usize) -> io::Result<usize> {
        let more = self.may_read_more(&result, size);
        let readiness = self.readiness_mut();
        readiness.readable = match &result {
            Ok(0) => false,
            // The next byte causes an event, unless the end was already announced.
            Ok(_) => readiness.ending || more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => more,
            Err(_) => false,
        };
        result
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
