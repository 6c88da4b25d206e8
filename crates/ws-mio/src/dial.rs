//! A client's way to a server, without waiting: does the steps of a [`Dial`] on non-blocking sockets.

#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::debug;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use ws_common::adapter::{self, Dial, DialStep, Link, Lookup, Resolver};
use ws_common::{ClientOptions, Error};
use wsproto::handshake::{ClientRequest, Response};
use wsproto::url::WsUrl;
use wsproto::{Client, Endpoint};

use crate::Stream;
use crate::origin::Dialed;
use crate::shared::Shared;
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// The bytes of a proxy's answer that one read takes at most.
const READ_SIZE: usize = 4096;

/// A client's request, and how far the way to its server has got.
pub(crate) struct Target {
    pub(crate) shared: Arc<Shared>,
    state: Mutex<(adapter::Target, Dialing)>,
}

/// Where a connection is dialed.
pub(crate) struct DialContext<'a> {
    pub(crate) key: usize,
    pub(crate) registry: &'a Registry,
    pub(crate) now: Duration,
    /// Makes a call that has the loop look at the connection.
    pub(crate) wake: &'a dyn Fn() -> Box<dyn FnOnce() + Send>,
}

/// What a look-up has found, until the loop looks.
type Found = Arc<Mutex<Option<io::Result<Vec<SocketAddr>>>>>;

/// The way to a stream. Dropped, it leaves nothing behind.
#[derive(Default)]
struct Dialing {
    /// `None` before its first turn.
    dial: Option<Dial>,
    lookup: Option<(Lookup, Found)>,
    /// The sockets that are connecting, and the one that is connected to a proxy. All have the
    /// connection's token: an event of one is reason to look at each.
    attempts: Vec<(usize, TcpStream)>,
    /// Why a redirect is not followed.
    refused: Option<Error>,
    /// Whether there is more to do at once, without an event.
    again: bool,
}

impl Target {
    pub(crate) fn new(
        shared: Arc<Shared>,
        request: ClientRequest,
        options: ClientOptions,
    ) -> Result<Self, Error> {
        let target = adapter::Target::new(request, options)?;
        Ok(Self { shared, state: Mutex::new((target, Dialing::default())) })
    }

    pub(crate) fn url(&self) -> WsUrl {
        self.lock().0.request().url().clone()
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.lock().1.dial.as_ref()?.deadline()
    }

    pub(crate) fn is_again(&self) -> bool {
        self.lock().1.again
    }

    /// Drops what was begun.
    pub(crate) fn stop(&self) {
        let left = std::mem::take(&mut self.lock().1);
        drop(left);
    }

    /// Whether the response leads elsewhere. Where it must not be followed to, dialing says why.
    pub(crate) fn follows(&self, response: &Response) -> bool {
        let (target, dialing) = &mut *self.lock();
        let followed = target.redirect(response);
        if matches!(followed, Ok(false)) {
            return false;
        }
        *dialing = Dialing { refused: followed.err(), ..Dialing::default() };
        true
    }

    pub(crate) fn dial(&self, context: &DialContext<'_>) -> Result<Option<Dialed<Client>>, Error> {
        let (target, dialing) = &mut *self.lock();
        let advanced = dialing.advance(target, context);
        if !matches!(advanced, Ok(None)) {
            // What is left of it ends here.
            *dialing = Dialing::default();
        }
        let Some(tcp) = advanced? else { return Ok(None) };
        let peer = tcp.peer_addr().ok();
        #[cfg(feature = "tls")]
        let stream = match target.begin_tls()? {
            Some(tls) => Stream::over_tls(TlsStream::new(tcp, tls.into())),
            None => tcp.into(),
        };
        #[cfg(not(feature = "tls"))]
        let stream: Stream = tcp.into();
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::from)?;
        let (request, config) = (target.request().clone(), Arc::clone(&target.options().config));
        let endpoint = Endpoint::client(request, config, seed, context.now);
        Ok(Some((Link::new(endpoint, stream), peer)))
    }

    fn lock(&self) -> MutexGuard<'_, (adapter::Target, Dialing)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dialing {
    /// Goes on as far as it can without waiting, and reads at most once. Returns the stream to the server
    /// once there is one, registered with the connection's key as its token.
    fn advance(
        &mut self,
        target: &adapter::Target,
        context: &DialContext<'_>,
    ) -> Result<Option<TcpStream>, Error> {
        self.again = false;
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        let now = context.now;
        let dial = self.dial.get_or_insert_with(|| Dial::new(target, now));
        let found = |(_, found): &mut (Lookup, Found)| {
            found.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        if let Some(found) = self.lookup.as_mut().and_then(found) {
            debug!("the addresses are {found:?}");
            self.lookup = None;
            dial.resolved(found, now);
        }
        look(&mut self.attempts, dial, now);
        loop {
            match dial.next(now)? {
                DialStep::Resolve { host, port } => match look_up(&host, port, context) {
                    Ok(lookup) => self.lookup = Some(lookup),
                    Err(error) => dial.resolved(Err(error), now),
                },
                DialStep::Connect { attempt, address } => {
                    debug!("connecting to {address}");
                    match connect(address, context) {
                        Ok(tcp) => self.attempts.push((attempt, tcp)),
                        Err(error) => dial.failed(attempt, error, now),
                    }
                }
                DialStep::Wait => return Ok(None),
                DialStep::Tunnel { attempt } => {
                    self.attempts.retain(|(number, _)| *number == attempt);
                    match self.attempts.first_mut().map(|(_, tcp)| exchange(tcp, dial, now)) {
                        // There may be more: others have their turn first. It may also be all that was
                        // waited for.
                        Some(Ok(true)) => {
                            if matches!(dial.next(now)?, DialStep::Tunnel { .. }) {
                                self.again = true;
                                return Ok(None);
                            }
                        }
                        Some(Ok(false)) => return Ok(None),
                        Some(Err(error)) => dial.failed(attempt, error, now),
                        None => dial.failed(attempt, ErrorKind::NotConnected.into(), now),
                    }
                }
                DialStep::Ready { attempt } => {
                    let mut attempts = std::mem::take(&mut self.attempts).into_iter();
                    let won = attempts.find(|(number, _)| *number == attempt);
                    return Ok(won.map(|(_, tcp)| tcp));
                }
            }
        }
    }
}

/// Has the shared threads look up a name, which leave the answer for the loop.
fn look_up(host: &str, port: u16, context: &DialContext<'_>) -> io::Result<(Lookup, Found)> {
    let found = Found::default();
    let (to, wake) = (Arc::clone(&found), (context.wake)());
    let lookup = Resolver::shared().resolve(host, port, move |found| {
        *to.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        wake();
    });
    Ok((lookup?, found))
}

fn connect(address: SocketAddr, context: &DialContext<'_>) -> io::Result<TcpStream> {
    let mut tcp = TcpStream::connect(address)?;
    let both = Interest::READABLE | Interest::WRITABLE;
    context.registry.register(&mut tcp, Token(context.key), both)?;
    Ok(tcp)
}

/// Looks at every socket that is connecting, and drops those that have failed.
fn look(attempts: &mut Vec<(usize, TcpStream)>, dial: &mut Dial, now: Duration) {
    attempts.retain(|(attempt, tcp)| match outcome(tcp) {
        Ok(true) => {
            dial.connected(*attempt);
            true
        }
        Ok(false) => true,
        Err(error) => {
            debug!("no connection: {error}");
            dial.failed(*attempt, error, now);
            false
        }
    });
}

/// Whether a stream is connected.
fn outcome(tcp: &TcpStream) -> io::Result<bool> {
    if let Some(error) = tcp.take_error()? {
        return Err(error);
    }
    match tcp.peer_addr() {
        // Messages are written whole; waiting for more only delays them.
        Ok(_) => tcp.set_nodelay(true).map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes what there is for the proxy, and reads once. Returns whether there may be more to read now.
fn exchange(tcp: &mut TcpStream, dial: &mut Dial, now: Duration) -> io::Result<bool> {
    let mut buffer = [0; READ_SIZE];
    loop {
        let moved = if dial.pending().is_empty() {
            tcp.read(&mut buffer).map(|read| {
                dial.received(&buffer[..read], now);
                true
            })
        } else {
            match tcp.write(dial.pending()) {
                Ok(0) => Err(ErrorKind::WriteZero.into()),
                written => written.map(|written| {
                    dial.wrote(written);
                    false
                }),
            }
        };
        match moved {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
