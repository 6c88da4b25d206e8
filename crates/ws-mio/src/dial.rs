//! A client's way to a server, without waiting: its addresses, TCP, a tunnel through a proxy.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use log::debug;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use ws_common::adapter::{Link, Tunnel};
use ws_common::{ClientOptions, Error, ProxyError};
use wsproto::handshake::{ClientRequest, Response};
use wsproto::url::WsUrl;
use wsproto::{Client, Config, Endpoint};

use crate::Stream;
use crate::origin::Dialed;
use crate::shared::Shared;

/// A client's request, and how far the way to its server has got.
pub(crate) struct Target {
    pub(crate) shared: Arc<Shared>,
    options: ClientOptions,
    dialing: Mutex<Dialing>,
}

/// Where a connection is dialed.
pub(crate) struct DialContext<'a> {
    pub(crate) key: usize,
    pub(crate) registry: &'a Registry,
    pub(crate) now: Duration,
    /// Makes a call that has the loop look at the connection.
    pub(crate) wake: &'a dyn Fn() -> Box<dyn FnOnce() + Send>,
}

type Found = Arc<Mutex<Option<io::Result<Vec<SocketAddr>>>>>;

struct Dialing {
    request: ClientRequest,
    redirects: u8,
    stage: Stage,
    addresses: Vec<SocketAddr>,
    until: Option<Duration>,
    share_until: Option<Duration>,
    error: io::Error,
}

enum Stage {
    Begin,
    Resolving(Found),
    Next,
    Connecting(TcpStream),
    Tunnel(TcpStream, Tunnel, Vec<u8>),
    Done,
}

impl Target {
    pub(crate) fn new(
        shared: Arc<Shared>,
        request: ClientRequest,
        options: ClientOptions,
    ) -> Result<Self, Error> {
        if request.url().is_secure() {
            #[cfg(feature = "tls")]
            options.tls.clone().unwrap_or_default().begin(request.url().host())?;
            #[cfg(not(feature = "tls"))]
            return Err(Error::TlsUnavailable);
        }
        let redirects = options.redirects;
        Ok(Self { shared, options, dialing: Mutex::new(Dialing::new(request, redirects)) })
    }

    pub(crate) fn url(&self) -> WsUrl {
        self.lock().request.url().clone()
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        let dialing = self.lock();
        if matches!(dialing.stage, Stage::Done) {
            return None;
        }
        dialing.until.into_iter().chain(dialing.share_until).min()
    }

    pub(crate) fn follows(&self, response: &Response) -> bool {
        let mut dialing = self.lock();
        let Some(redirects) = dialing.redirects.checked_sub(1) else { return false };
        let Ok(next) = dialing.request.redirected(response) else { return false };
        *dialing = Dialing::new(next, redirects);
        true
    }

    pub(crate) fn dial(&self, context: &DialContext<'_>) -> Result<Option<Dialed<Client>>, Error> {
        let mut dialing = self.lock();
        let Some(tcp) = dialing.advance(&self.options, context)? else { return Ok(None) };
        let request = dialing.request.clone();
        drop(dialing);
        let peer = tcp.peer_addr().ok();
        #[cfg(feature = "tls")]
        let stream = if request.url().is_secure() {
            let tls = self.options.tls.clone().unwrap_or_default();
            Stream::connect_tls(&tls, tcp, request.url().host())?
        } else {
            tcp.into()
        };
        #[cfg(not(feature = "tls"))]
        let stream: Stream = tcp.into();
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::from)?;
        let config = Arc::clone(&self.options.config);
        let endpoint = Endpoint::client(request, config, seed, context.now);
        Ok(Some((Link::new(endpoint, stream), peer)))
    }

    fn lock(&self) -> MutexGuard<'_, Dialing> {
        self.dialing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dialing {
    fn new(request: ClientRequest, redirects: u8) -> Self {
        Self {
            request,
            redirects,
            stage: Stage::Begin,
            addresses: Vec::new(),
            until: None,
            share_until: None,
            error: ErrorKind::AddrNotAvailable.into(),
        }
    }

    fn advance(
        &mut self,
        options: &ClientOptions,
        context: &DialContext<'_>,
    ) -> Result<Option<TcpStream>, Error> {
        let url = self.request.url().clone();
        let (host, port) = match &options.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => (url.host(), url.port()),
        };
        let failed = |error| Error::Connect { to: format!("{host}:{port}"), error };
        let late = |until: Option<Duration>| until.is_some_and(|until| context.now >= until);
        loop {
            match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Done => return Ok(None),
                Stage::Begin => {
                    let now = context.now;
                    self.until = options.connect_timeout.map(|limit| now.saturating_add(limit));
                    self.stage = self.look_up(host, port, context).map_err(failed)?;
                }
                Stage::Resolving(found) => {
                    let result = found.lock().unwrap_or_else(PoisonError::into_inner).take();
                    self.stage = match result {
                        None if late(self.until) => {
                            return Err(failed(ErrorKind::TimedOut.into()));
                        }
                        None => {
                            self.stage = Stage::Resolving(found);
                            return Ok(None);
                        }
                        Some(Ok(addresses)) => {
                            self.addresses = addresses.into_iter().rev().collect();
                            Stage::Next
                        }
                        Some(Err(error)) => return Err(failed(error)),
                    };
                }
                Stage::Next => {
                    let Some(address) = self.addresses.pop() else {
                        let error = std::mem::replace(&mut self.error, ErrorKind::Other.into());
                        return Err(failed(error));
                    };
                    debug!("connecting to {host} at {address}");
                    self.stage = match connect(address, context) {
                        Ok(tcp) => Stage::Connecting(tcp),
                        Err(error) => self.try_next(error),
                    };
                    let untried = u32::try_from(self.addresses.len() + 1).unwrap_or(u32::MAX);
                    self.share_until = self.until.map(|until| {
                        context.now.saturating_add(until.saturating_sub(context.now) / untried)
                    });
                }
                Stage::Connecting(tcp) => match outcome(&tcp) {
                    Ok(true) => {
                        self.share_until = None;
                        let Some(proxy) = &options.proxy else { return Ok(Some(tcp)) };
                        let mut out = Vec::new();
                        let tunnel = Tunnel::open(proxy, &url, &mut out);
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
                        return Err(failed(ErrorKind::TimedOut.into()));
                    }
                    self.stage = Stage::Tunnel(tcp, tunnel, out);
                    return Ok(None);
                }
            }
        }
    }

    fn look_up(&mut self, host: &str, port: u16, context: &DialContext<'_>) -> io::Result<Stage> {
        if let Ok(address) = host.parse::<IpAddr>() {
            self.addresses = vec![(address, port).into()];
            return Ok(Stage::Next);
        }
        let found = Found::default();
        let (host, to, wake) = (host.to_owned(), Arc::clone(&found), (context.wake)());
        thread::Builder::new().spawn(move || {
            let result = (&*host, port).to_socket_addrs().map(Iterator::collect);
            *to.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            wake();
        })?;
        Ok(Stage::Resolving(found))
    }

    fn try_next(&mut self, error: io::Error) -> Stage {
        debug!("no connection: {error}");
        self.error = error;
        Stage::Next
    }
}

fn connect(address: SocketAddr, context: &DialContext<'_>) -> io::Result<TcpStream> {
    let mut tcp = TcpStream::connect(address)?;
    let both = Interest::READABLE | Interest::WRITABLE;
    context.registry.register(&mut tcp, Token(context.key), both)?;
    Ok(tcp)
}

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
