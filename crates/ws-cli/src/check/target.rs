//! The server under test, and how to reach it.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ws_std::ClientTls;
use ws_std::wsproto::handshake::ClientRequest;

use super::head::Head;
use super::stream::{Socket, Stream};
use super::wire::Wire;
use crate::connection::Prepared;
use crate::exit::Exit;
use crate::place::Place;

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

impl Target {
    /// Finds the server of a request.
    ///
    /// # Errors
    ///
    /// Those of [`Place::find`].
    pub(super) fn new(prepared: Prepared, patience: Duration) -> Result<Self, Exit> {
        let place = Place::find(&prepared)?;
        let Prepared { request, options } = prepared;
        let tls = request.url().is_secure().then(|| options.tls.unwrap_or_default());
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
        let socket = match &self.place {
            Place::Tcp(addresses) => self.tcp(addresses)?,
            #[cfg(unix)]
            Place::Unix(path) => Socket::Unix(UnixStream::connect(path)?),
            #[cfg(not(unix))]
            Place::Unix(_) => return Err(ErrorKind::Unsupported.into()),
        };
        let stream = match &self.tls {
            None => Stream::Plain(socket),
            Some(tls) => {
                let tls = tls.begin(self.request.url().host())?;
                Stream::with_tls(socket, tls, self.patience)?
            }
        };
        Ok(Wire::new(stream))
    }

    fn tcp(&self, addresses: &[SocketAddr]) -> io::Result<Socket> {
        let mut failed = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match TcpStream::connect_timeout(address, self.patience) {
                Ok(tcp) => {
                    tcp.set_nodelay(true)?;
                    return Ok(Socket::Tcp(tcp));
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}
