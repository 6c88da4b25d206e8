//! A client's way to a server, without waiting: its addresses, TCP, a tunnel through a proxy.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use log::debug;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use ws_common::{ClientOptions, ConnectionId, Error, ProxyError, Tunnel};
use wsproto::url::WsUrl;
use wsproto::{Config, SessionError};

use crate::shared::Shared;

/// The addresses of a host.
pub(crate) type Found = io::Result<Vec<SocketAddr>>;

/// A client's connection before it has a stream to the server.
#[derive(Debug)]
pub(crate) struct Dialing {
    stage: Stage,
    /// The addresses that were not tried, the next one last.
    addresses: Vec<SocketAddr>,
    /// When all of it has to be done.
    until: Option<Duration>,
    /// When to go on to the next address.
    share_until: Option<Duration>,
    /// What the last address said.
    error: io::Error,
}

#[derive(Debug)]
enum Stage {
    Begin,
    /// Another thread looks up the name.
    Resolving,
    Next,
    Connecting(TcpStream),
    Tunnel(TcpStream, Tunnel, Vec<u8>),
    GivenUp,
}

/// Where a connection is dialed.
pub(crate) struct Exchange<'a> {
    pub(crate) key: usize,
    pub(crate) id: ConnectionId,
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) registry: &'a Registry,
    pub(crate) now: Duration,
}

impl Dialing {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Begin,
            addresses: Vec::new(),
            until: None,
            share_until: None,
            error: ErrorKind::AddrNotAvailable.into(),
        }
    }

    pub(crate) fn give_up(&mut self) {
        self.stage = Stage::GivenUp;
    }

    /// Takes the addresses that another thread has found.
    pub(crate) fn found(&mut self, found: Found) {
        if !matches!(self.stage, Stage::Resolving) {
            return;
        }
        self.stage = Stage::Next;
        match found {
            Ok(addresses) => self.addresses = addresses.into_iter().rev().collect(),
            Err(error) => self.error = error,
        }
    }

    /// Whether nothing was done yet.
    pub(crate) const fn is_new(&self) -> bool {
        matches!(self.stage, Stage::Begin)
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.until.into_iter().chain(self.share_until).min()
    }

    /// Goes on as far as it can without waiting. Returns the stream to the server once there is one,
    /// registered with the connection's key as its token.
    pub(crate) fn advance(
        &mut self,
        url: &WsUrl,
        options: &ClientOptions,
        exchange: &Exchange<'_>,
    ) -> Result<Option<TcpStream>, Error> {
        let (host, port) = match &options.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => (url.host(), url.port()),
        };
        let failed = |error| Error::Connect { to: format!("{host}:{port}"), error };
        let late = |until: Option<Duration>| until.is_some_and(|until| exchange.now >= until);
        loop {
            match std::mem::replace(&mut self.stage, Stage::GivenUp) {
                Stage::GivenUp => return Err(SessionError::Abandoned.into()),
                Stage::Begin => {
                    self.until = options.connect_timeout.map(|limit| exchange.now + limit);
                    self.stage = self.look_up(host, port, exchange).map_err(failed)?;
                }
                Stage::Resolving if late(self.until) => {
                    return Err(failed(ErrorKind::TimedOut.into()));
                }
                Stage::Resolving => {
                    self.stage = Stage::Resolving;
                    return Ok(None);
                }
                Stage::Next => {
                    let Some(address) = self.addresses.pop() else {
                        let error = std::mem::replace(&mut self.error, ErrorKind::Other.into());
                        return Err(failed(error));
                    };
                    debug!("connecting to {host} at {address}");
                    self.stage = match connect(address, exchange) {
                        Ok(tcp) => Stage::Connecting(tcp),
                        Err(error) => self.try_next(error),
                    };
                    // One that does not answer leaves time for the others.
                    let untried = u32::try_from(self.addresses.len() + 1).unwrap_or(u32::MAX);
                    self.share_until = self
                        .until
                        .map(|until| exchange.now + until.saturating_sub(exchange.now) / untried);
                }
                Stage::Connecting(tcp) => match outcome(&tcp) {
                    Ok(true) => {
                        self.share_until = None;
                        // Messages are written whole; waiting for more only delays them.
                        tcp.set_nodelay(true)?;
                        let Some(proxy) = &options.proxy else { return Ok(Some(tcp)) };
                        let mut out = Vec::new();
                        let tunnel = Tunnel::open(proxy, url, &mut out);
                        self.stage = Stage::Tunnel(tcp, tunnel, out);
                    }
                    Ok(false) if late(self.share_until) => {
                        self.stage = self.try_next(ErrorKind::TimedOut.into());
                    }
                    Ok(false) => {
                        self.stage = Stage::Connecting(tcp);
                        return Ok(None);
                    }
                    Err(error) => self.stage = self.try_next(error),
                },
                Stage::Tunnel(mut tcp, mut tunnel, mut out) => {
                    if dig(&mut tcp, &mut tunnel, &mut out, &options.config)? {
                        return Ok(Some(tcp));
                    }
                    if late(self.until) {
                        return Err(io::Error::from(ErrorKind::TimedOut).into());
                    }
                    self.stage = Stage::Tunnel(tcp, tunnel, out);
                    return Ok(None);
                }
            }
        }
    }

    fn look_up(&mut self, host: &str, port: u16, exchange: &Exchange<'_>) -> io::Result<Stage> {
        if let Ok(address) = host.parse::<IpAddr>() {
            self.addresses = vec![(address, port).into()];
            return Ok(Stage::Next);
        }
        let (key, id) = (exchange.key, exchange.id);
        let (host, shared) = (host.to_owned(), Arc::clone(exchange.shared));
        // The system's way to look up a name blocks, and the loop must not.
        thread::Builder::new().spawn(move || {
            let found = (&*host, port).to_socket_addrs().map(Iterator::collect);
            shared.post(|inbox| inbox.found.push((key, id, found)));
        })?;
        Ok(Stage::Resolving)
    }

    fn try_next(&mut self, error: io::Error) -> Stage {
        debug!("no connection: {error}");
        self.error = error;
        Stage::Next
    }
}

fn connect(address: SocketAddr, exchange: &Exchange<'_>) -> io::Result<TcpStream> {
    let mut tcp = TcpStream::connect(address)?;
    let both = Interest::READABLE | Interest::WRITABLE;
    exchange.registry.register(&mut tcp, Token(exchange.key), both)?;
    Ok(tcp)
}

/// Whether a stream is connected.
fn outcome(tcp: &TcpStream) -> io::Result<bool> {
    if let Some(error) = tcp.take_error()? {
        return Err(error);
    }
    match tcp.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// Goes on with a tunnel; whether it is open.
fn dig(
    tcp: &mut TcpStream,
    tunnel: &mut Tunnel,
    out: &mut Vec<u8>,
    config: &Config,
) -> Result<bool, Error> {
    while !out.is_empty() {
        match tcp.write(out) {
            Ok(written) => drop(out.drain(..written)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    let mut buffer = [0; 4096];
    loop {
        match tcp.read(&mut buffer) {
            Ok(0) => return Err(ProxyError::EndOfInput.into()),
            Ok(read) => {
                if tunnel.advance(&buffer[..read], config)? {
                    return Ok(true);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}
