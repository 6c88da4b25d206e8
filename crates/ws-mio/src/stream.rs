//! The streams of connections: TCP, with or without TLS, and how ready they are.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use mio::event::{Event, Source};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use ws_common::adapter::{Transport, tune};

#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// A non-blocking TCP connection, with or without TLS.
#[derive(Debug)]
pub struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream, Readiness),
    #[cfg(feature = "tls")]
    Tls(Box<(TlsStream, Readiness)>),
}

/// What is known of a stream from the events of its token, each of which comes once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    /// Whether reading may find something.
    readable: bool,
    /// Whether the end is to be read, of which no further event tells.
    ending: bool,
    /// Whether the stream is known to take no more at the moment.
    blocked: bool,
    /// Whether the writing side has ended.
    shut: bool,
}

impl Readiness {
    /// Nothing was tried yet.
    const NEW: Self = Self { readable: true, ending: false, blocked: false, shut: false };
}

impl Stream {
    /// Begins TLS on a connection that a client has opened; nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the configuration is not fit for use.
    #[cfg(feature = "tls")]
    pub fn accept_tls(tls: &ws_common::ServerTls, tcp: TcpStream) -> io::Result<Self> {
        Ok(Self::over_tls(TlsStream::new(tcp, tls.begin()?.into())))
    }

    /// Begins TLS on a connection to the host of that name; nothing is written yet.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if that is no name that a certificate can be for.
    #[cfg(feature = "tls")]
    pub fn connect_tls(tls: &ws_common::ClientTls, tcp: TcpStream, host: &str) -> io::Result<Self> {
        Ok(Self::over_tls(TlsStream::new(tcp, tls.begin(host)?.into())))
    }

    #[cfg(feature = "tls")]
    pub(crate) fn over_tls(tls: TlsStream) -> Self {
        Self(Kind::Tls(Box::new((tls, Readiness::NEW))))
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

    /// Notes what an event of its token says.
    pub(crate) fn ready(&mut self, event: &Event) {
        let readiness = self.readiness_mut();
        readiness.ending |= event.is_read_closed() || event.is_error();
        readiness.readable |= event.is_readable() || readiness.ending;
        if event.is_writable() || event.is_write_closed() || event.is_error() {
            readiness.blocked = false;
        }
    }

    /// Whether reading may find something.
    #[inline]
    pub(crate) fn is_readable(&self) -> bool {
        self.readiness().readable
    }

    /// Reads once, at most as much as the buffer takes: nothing at the end.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, if there is nothing now; any other, if the stream has failed.
    pub(crate) fn read_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = loop {
            match self.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let more = self.may_read_more(&result, buffer.len());
        let readiness = self.readiness_mut();
        readiness.readable = match &result {
            Ok(0) => false,
            // The next event comes with the next byte, unless the end was already told of.
            Ok(_) => readiness.ending || more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => more,
            Err(_) => false,
        };
        result
    }

    /// Whether there may be more to read, without another event.
    fn may_read_more(&self, result: &io::Result<usize>, size: usize) -> bool {
        match &self.0 {
            Kind::Tcp(..) => result.as_ref().is_ok_and(|read| *read == size),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.may_read_more(result.is_ok()),
        }
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

impl Transport for Stream {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = match &mut self.0 {
            Kind::Tcp(tcp, _) => tcp.write(bytes),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.try_write(bytes),
        };
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            let blocked = match &self.0 {
                Kind::Tcp(..) => true,
                // In its handshake, TLS waits to read, and no event says when it may write.
                #[cfg(feature = "tls")]
                Kind::Tls(tls) => !tls.0.is_handshaking(),
            };
            self.readiness_mut().blocked = blocked;
        }
        result
    }

    #[inline]
    fn is_blocked(&self) -> bool {
        self.readiness().blocked
    }

    fn shutdown(&mut self) {
        if std::mem::replace(&mut self.readiness_mut().shut, true) {
            return;
        }
        // If the peer is gone, reading says so.
        let _ = match &mut self.0 {
            Kind::Tcp(tcp, _) => tcp.shutdown(Shutdown::Write),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.shutdown(),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Tcp(tcp, _) => tcp.read(to),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.0.read(to),
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
