//! Dials a server: performs the steps of a [`Dial`] on non-blocking sockets.

#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use parking_lot::{Mutex, MutexGuard};
use ws_common::adapter::{
    self, Dial, DialStep, Link, Lookup, OnCancel, Resolver, Route, is_connected,
};
use ws_common::{ClientOptions, Error};
use wsproto::Client;
use wsproto::handshake::{ClientRequest, Response};
use wsproto::url::WsUrl;

use crate::Stream;
use crate::shared::Shared;
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// A client's request, and the progress of dialing its server.
pub(crate) struct Dialer {
    pub(crate) shared: Arc<Shared>,
    /// May be locked while the connection is ([`Held::follow_redirect`](adapter::Held::follow_redirect));
    /// never lock a connection while holding it.
    state: Mutex<(adapter::Target, Dialing)>,
    on_cancel: OnceLock<OnCancel>,
}

/// The environment of a connection that is dialed.
pub(crate) struct DialContext<'a> {
    pub(crate) key: usize,
    pub(crate) registry: &'a Registry,
    pub(crate) now: Duration,
    /// Creates a function that requests a turn for the connection, from any thread.
    pub(crate) wake: &'a dyn Fn() -> Box<dyn FnOnce() + Send>,
}

/// The link of a connection that was dialed, and the address of its peer.
pub(crate) type Dialed<R> = (Link<R, Stream>, Option<SocketAddr>);

/// The result of a look-up. The resolver's thread stores it, then wakes the loop, which takes it; so the
/// turn after the wake-up finds it.
type Resolved = Arc<Mutex<Option<io::Result<Vec<SocketAddr>>>>>;

/// The look-up and the sockets of one attempt to reach the server. Dropping it cancels them.
#[derive(Default)]
struct Dialing {
    /// `None` before the first turn.
    dial: Option<Dial>,
    lookup: Option<(Lookup, Resolved)>,
    /// The connecting sockets, or the one connected to a proxy, by the numbers of their attempts. All have
    /// the connection's token, so an event of one makes the loop check all.
    attempts: Vec<(usize, TcpStream)>,
    /// Whether to continue without another event.
    again: bool,
}

impl Dialer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        request: ClientRequest,
        options: ClientOptions,
    ) -> Result<Self, Error> {
        let target = adapter::Target::new(request, options)?;
        Ok(Self {
            shared,
            state: Mutex::new((target, Dialing::default())),
            on_cancel: OnceLock::new(),
        })
    }

    /// Keeps the registration with the request's token for as long as the connection exists.
    pub(crate) fn keep(&self, on_cancel: OnCancel) {
        // Fails if there is one already.
        let _ = self.on_cancel.set(on_cancel);
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

    /// Cancels dialing.
    pub(crate) fn stop(&self) {
        let left = std::mem::take(&mut self.lock().1);
        drop(left);
    }

    /// Returns whether the response redirects the client, and prepares to dial again.
    pub(crate) fn follows(&self, response: &Response) -> bool {
        self.lock().0.follows(response)
    }

    pub(crate) fn dial(&self, context: &DialContext<'_>) -> Result<Option<Dialed<Client>>, Error> {
        let (target, dialing) = &mut *self.lock();
        let advanced = dialing.advance(target, context);
        if matches!(advanced, Ok(None)) {
            return Ok(None);
        }
        // Drops the other attempts.
        let _dial = std::mem::take(dialing).dial;
        let Some(tcp) = advanced? else { return Ok(None) };
        let peer = tcp.peer_addr().ok();
        #[cfg(feature = "tls")]
        let stream = match _dial.and_then(|mut dial| dial.take_tls()) {
            Some(tls) => Stream::over_tls(TlsStream::new(tcp, tls)),
            None => tcp.into(),
        };
        #[cfg(not(feature = "tls"))]
        let stream: Stream = tcp.into();
        let (request, config) = (target.request().clone(), Arc::clone(&target.options().config));
        let endpoint = adapter::client_endpoint(request, config, context.now)?;
        Ok(Some((Link::new(endpoint, stream), peer)))
    }

    fn lock(&self) -> MutexGuard<'_, (adapter::Target, Dialing)> {
        self.state.lock()
    }
}

impl Dialing {
    /// Continues as far as possible without waiting, and reads at most once. Returns the stream to the
    /// server once it is connected, registered with the connection's key as its token.
    fn advance(
        &mut self,
        target: &mut adapter::Target,
        context: &DialContext<'_>,
    ) -> Result<Option<TcpStream>, Error> {
        self.again = false;
        let now = context.now;
        let dial = match &mut self.dial {
            Some(dial) => dial,
            none => none.insert(Dial::new(target, now)?),
        };
        let found = |(_, found): &mut (Lookup, Resolved)| found.lock().take();
        if let Some(found) = self.lookup.as_mut().and_then(found) {
            self.lookup = None;
            dial.resolved(found, now);
        }
        check_attempts(&mut self.attempts, dial, now);
        loop {
            match dial.next(now)? {
                DialStep::Resolve { host, port } => match look_up(&host, port, context) {
                    Ok(lookup) => self.lookup = Some(lookup),
                    Err(error) => dial.resolved(Err(error), now),
                },
                DialStep::Connect { attempt, route } => match connect(&route, context) {
                    Ok(tcp) => self.attempts.push((attempt, tcp)),
                    Err(error) => dial.failed(attempt, error, now),
                },
                DialStep::Wait => return Ok(None),
                DialStep::Tunnel { attempt } => {
                    self.attempts.retain(|(number, _)| *number == attempt);
                    let mut exchange = |tcp: &mut TcpStream| dial.exchange(tcp, || now);
                    match self.attempts.first_mut().map(|(_, tcp)| exchange(tcp)) {
                        // There may be more to do. Unless the tunnel is complete, let others have their
                        // turn first.
                        Some(Ok(())) => {
                            if matches!(dial.next(now)?, DialStep::Tunnel { .. }) {
                                self.again = true;
                                return Ok(None);
                            }
                        }
                        Some(Err(error)) if error.kind() == ErrorKind::WouldBlock => {
                            return Ok(None);
                        }
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

/// Starts to look up a name in the shared threads, which store the result and wake the loop.
fn look_up(host: &str, port: u16, context: &DialContext<'_>) -> io::Result<(Lookup, Resolved)> {
    let found = Resolved::default();
    let (to, wake) = (Arc::clone(&found), (context.wake)());
    let lookup = Resolver::shared().resolve(host, port, move |found| {
        *to.lock() = Some(found);
        wake();
    });
    Ok((lookup?, found))
}

fn connect(route: &Route, context: &DialContext<'_>) -> io::Result<TcpStream> {
    let mut tcp = TcpStream::from_std(route.connect()?.into());
    let both = Interest::READABLE | Interest::WRITABLE;
    context.registry.register(&mut tcp, Token(context.key), both)?;
    Ok(tcp)
}

/// Checks every connecting socket, and drops those that have failed.
fn check_attempts(attempts: &mut Vec<(usize, TcpStream)>, dial: &mut Dial, now: Duration) {
    attempts.retain(|(attempt, tcp)| match is_connected(tcp) {
        Ok(true) => {
            dial.connected(*attempt);
            true
        }
        Ok(false) => true,
        Err(error) => {
            dial.failed(*attempt, error, now);
            false
        }
    });
}
