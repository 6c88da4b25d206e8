//! A client's way to a server, without waiting: does the steps of a [`Dial`] on non-blocking sockets.

#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log::debug;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use ws_common::adapter::{Dial, DialStep, Lookup, Resolver, Target};
use ws_common::{ConnectionId, Error};
use wsproto::SessionError;

use crate::shared::Shared;

/// The bytes of a proxy's answer that one read takes at most.
const READ_SIZE: usize = 4096;

/// The addresses of a host.
pub(crate) type Resolved = io::Result<Vec<SocketAddr>>;

/// A client's connection before it has a stream to the server. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Dialing {
    /// `None` before its first turn.
    dial: Option<Dial>,
    lookup: Option<Lookup>,
    /// The sockets that are connecting, and the one that is connected to a proxy. All have the
    /// connection's token: an event of one is reason to look at each.
    attempts: Vec<(usize, TcpStream)>,
    given_up: bool,
    /// Whether there is more to do at once, without an event.
    again: bool,
}

/// Where a connection is dialed.
pub(crate) struct DialContext<'a> {
    pub(crate) key: usize,
    pub(crate) id: ConnectionId,
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) registry: &'a Registry,
    pub(crate) now: Duration,
}

impl Dialing {
    pub(crate) const fn new() -> Self {
        Self { dial: None, lookup: None, attempts: Vec::new(), given_up: false, again: true }
    }

    /// Ends it with its next turn.
    pub(crate) fn give_up(&mut self) {
        *self = Self { given_up: true, ..Self::new() };
    }

    /// Takes the addresses that another thread has found.
    pub(crate) fn resolved(&mut self, found: Resolved, now: Duration) {
        self.lookup = None;
        if let Some(dial) = &mut self.dial {
            debug!("the addresses are {found:?}");
            dial.resolved(found, now);
        }
    }

    /// Whether there is more to do at once.
    pub(crate) const fn is_again(&self) -> bool {
        self.again
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.dial.as_ref()?.deadline()
    }

    /// Goes on as far as it can without waiting, and reads at most once. Returns the stream to the server
    /// once there is one, registered with the connection's key as its token.
    pub(crate) fn advance(
        &mut self,
        target: &Target,
        context: &DialContext<'_>,
    ) -> Result<Option<TcpStream>, Error> {
        self.again = false;
        if self.given_up {
            return Err(SessionError::Abandoned.into());
        }
        let now = context.now;
        let dial = self.dial.get_or_insert_with(|| Dial::new(target, now));
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
fn look_up(host: &str, port: u16, context: &DialContext<'_>) -> io::Result<Lookup> {
    let (key, id, shared) = (context.key, context.id, Arc::downgrade(context.shared));
    Resolver::shared().resolve(host, port, move |found| {
        // Without the loop, nobody waits for the answer.
        if let Some(shared) = shared.upgrade() {
            shared.post(|inbox| inbox.found.push((key, id, found)));
        }
    })
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
