//! The server under test, and how to reach it.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ws_std::rustls::StreamOwned;
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::{ClientTls, ConnectTo};

use super::head::Head;
use super::wire::{Stream, Wire};
use crate::connection::Prepared;

/// The server under test.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) request: ClientRequest,
    place: Place,
    /// For `wss://`.
    tls: Option<ClientTls>,
    /// How long each answer may take.
    pub(super) patience: Duration,
}

/// Where the server listens.
#[derive(Clone, Debug)]
enum Place {
    /// These addresses, in their order.
    Tcp(Vec<SocketAddr>),
    /// This Unix domain socket.
    Unix(PathBuf),
}

impl Target {
    /// Finds the server of a request.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the name has no address.
    pub(super) fn new(prepared: Prepared, patience: Duration) -> io::Result<Self> {
        let Prepared { request, options } = prepared;
        let url = request.url();
        let found = |host: &str, port| (host, port).to_socket_addrs().map(Vec::from_iter);
        let place = match options.connect_to {
            Some(ConnectTo::Unix(path)) => Place::Unix(path),
            Some(ConnectTo::Addresses(addresses)) => Place::Tcp(addresses),
            Some(ConnectTo::Host(host, port)) => Place::Tcp(found(&host, port)?),
            None => Place::Tcp(found(url.host(), url.port())?),
        };
        let tls = url.is_secure().then(|| options.tls.unwrap_or_default());
        Ok(Self { request, place, tls, patience })
    }

    /// Returns when an answer that is asked for now is late.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Creates an ordinary request, and the key that its answer must prove.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system has no random bytes.
    pub(super) fn head(&self) -> io::Result<(Head, String)> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        Ok(Head::new(&self.request, nonce))
    }

    /// Connects, with TLS if the URL asks for it.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of the last address; `TimedOut` if it is late.
    pub(super) fn connect(&self) -> io::Result<Wire> {
        let stream = match &self.place {
            Place::Tcp(addresses) => self.tcp(addresses)?,
            #[cfg(unix)]
            Place::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
            #[cfg(not(unix))]
            Place::Unix(_) => return Err(ErrorKind::Unsupported.into()),
        };
        Ok(Wire::new(stream))
    }

    fn tcp(&self, addresses: &[SocketAddr]) -> io::Result<Stream> {
        let mut failed = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match TcpStream::connect_timeout(address, self.patience) {
                Ok(tcp) => {
                    tcp.set_nodelay(true)?;
                    return self.with_tls(tcp);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn with_tls(&self, mut tcp: TcpStream) -> io::Result<Stream> {
        let Some(tls) = &self.tls else { return Ok(Stream::Tcp(tcp)) };
        tcp.set_read_timeout(Some(self.patience))?;
        tcp.set_write_timeout(Some(self.patience))?;
        let mut connection = tls.begin(self.request.url().host())?;
        while connection.is_handshaking() {
            connection.complete_io(&mut tcp).map_err(late)?;
        }
        Ok(Stream::Tls(Box::new(StreamOwned::new(connection, tcp))))
    }
}

/// A socket's timeout is `WouldBlock` on some systems.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}
