//! A client's way to an open stream, without I/O: look-up, attempts, the tunnel of a proxy, and the time
//! for all of it.

mod exchange;
mod race;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use wsproto::Config;

use super::Target;
use crate::Error;
use exchange::Exchange;
use race::{Next, Race};

/// What an adapter is to do next, to open a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialStep {
    /// Look up the addresses of a name, without waiting for longer than [`Dial::deadline`]; then
    /// [`Dial::resolved`].
    Resolve {
        /// The name. (Of a literal address, no look-up is asked.)
        host: String,
        /// The port.
        port: u16,
    },
    /// Begin to connect to an address, beside the attempts that are running; then [`Dial::connected`] or
    /// [`Dial::failed`].
    Connect {
        /// The number of the attempt; never used twice.
        attempt: usize,
        /// Where to connect to.
        address: SocketAddr,
    },
    /// Exchange bytes with the proxy, on the attempt that has connected; drop all others. Write
    /// [`Dial::pending`], read once, and go on to the next step: after each read, so that no proxy holds
    /// up others.
    Tunnel {
        /// The attempt that has connected.
        attempt: usize,
    },
    /// Wait for something to tell, or for [`Dial::deadline`].
    Wait,
    /// The stream to the server is open, on this attempt; drop all others. TLS comes next, if the URL asks
    /// for it.
    Ready {
        /// The attempt that has connected.
        attempt: usize,
    },
}

/// A client's way to an open stream.
///
/// The adapter asks for the [next step](Self::next), does it, and tells what came of it, in any order. Time
/// is counted from any moment the adapter likes. After an error, everything that was begun is to be
/// dropped.
pub struct Dial {
    host: String,
    port: u16,
    config: Arc<Config>,
    /// What a proxy is asked for; `None` without one, and once an attempt has connected.
    exchange: Option<Exchange>,
    until: Option<Duration>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Begin,
    Resolving,
    Connecting(Race),
    Tunnel(usize, Exchange),
    Ready(usize),
    Failed(Option<Error>),
}

impl Dial {
    /// Begins, at a certain time.
    #[must_use]
    pub fn new(target: &Target, now: Duration) -> Self {
        let (url, options) = (target.request().url(), target.options());
        let (host, port) = match &options.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => (url.host(), url.port()),
        };
        Self {
            host: host.into(),
            port,
            config: Arc::clone(&options.config),
            exchange: options.proxy.as_ref().map(|proxy| Exchange::new(url, proxy)),
            until: options.connect_timeout.map(|timeout| now.saturating_add(timeout)),
            stage: Stage::Begin,
        }
    }

    /// Returns what to do next.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if there is no connection to the host or the proxy, or none in time;
    /// [`Error::Proxy`] if the proxy has answered, and not opened a tunnel. The same again later is
    /// [`Error::Connect`].
    pub fn next(&mut self, now: Duration) -> Result<DialStep, Error> {
        self.observe(now);
        match &mut self.stage {
            Stage::Begin => Ok(self.begin(now)),
            Stage::Resolving => Ok(DialStep::Wait),
            Stage::Connecting(race) => match race.next(now) {
                Next::Begin(attempt, address) => Ok(DialStep::Connect { attempt, address }),
                Next::Wait => Ok(DialStep::Wait),
                Next::Lost(error) => Err(self.fail(error)),
            },
            Stage::Tunnel(attempt, _) => Ok(DialStep::Tunnel { attempt: *attempt }),
            Stage::Ready(attempt) => Ok(DialStep::Ready { attempt: *attempt }),
            Stage::Failed(error) => match error.take() {
                Some(error) => Err(error),
                None => Err(self.fail(ErrorKind::NotConnected.into())),
            },
        }
    }

    /// Returns when [`next`](Self::next) is to be asked again at the latest. It may change with every call
    /// of [`next`](Self::next) and every result that is told.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let (also, until) = match &self.stage {
            Stage::Connecting(race) => (race.deadline(), self.until),
            Stage::Tunnel(_, exchange) => (exchange.body_until(), self.until),
            Stage::Begin | Stage::Resolving => (None, self.until),
            Stage::Ready(_) | Stage::Failed(_) => (None, None),
        };
        also.into_iter().chain(until).min()
    }

    /// Returns how long it is to the end of all of it; `None` if there is none.
    #[must_use]
    pub fn time_left(&self, now: Duration) -> Option<Duration> {
        self.until.map(|until| until.saturating_sub(now))
    }

    /// Returns how many addresses are not tried yet, for adapters that can only try one at a time.
    #[must_use]
    pub fn untried(&self) -> usize {
        match &self.stage {
            Stage::Connecting(race) => race.untried(),
            _ => 0,
        }
    }

    /// Tells what a look-up has found.
    pub fn resolved(&mut self, found: io::Result<Vec<SocketAddr>>, now: Duration) {
        if !matches!(self.stage, Stage::Resolving) {
            return;
        }
        match found {
            Ok(addresses) => self.stage = Stage::Connecting(Race::new(&addresses, now)),
            Err(error) => {
                let error = self.fail(error);
                self.stage = Stage::Failed(Some(error));
            }
        }
    }

    /// Tells that an attempt has connected. The first one wins.
    pub fn connected(&mut self, attempt: usize) {
        if !matches!(&self.stage, Stage::Connecting(race) if race.is_running(attempt)) {
            return;
        }
        self.stage = match self.exchange.take() {
            Some(exchange) => Stage::Tunnel(attempt, exchange),
            None => Stage::Ready(attempt),
        };
    }

    /// Tells that an attempt has failed, before or after it has connected. It is dropped.
    pub fn failed(&mut self, attempt: usize, error: io::Error, now: Duration) {
        match &mut self.stage {
            Stage::Connecting(race) => race.failed(attempt, error, now),
            Stage::Tunnel(connected, exchange) if *connected == attempt => {
                // A refusal says more than how the connection ended behind it.
                let error = match exchange.refusal() {
                    Some(refusal) => refusal.into(),
                    None => self.fail(error),
                };
                self.stage = Stage::Failed(Some(error));
            }
            _ => {}
        }
    }

    /// Returns what is to be written to the proxy.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        match &self.stage {
            Stage::Tunnel(_, exchange) => exchange.pending(),
            _ => &[],
        }
    }

    /// Tells how many bytes of [`pending`](Self::pending) were written.
    pub fn wrote(&mut self, len: usize) {
        if let Stage::Tunnel(_, exchange) = &mut self.stage {
            exchange.wrote(len);
        }
    }

    /// Tells what the proxy has sent; nothing, if it has ended the connection.
    pub fn received(&mut self, bytes: &[u8], now: Duration) {
        let Stage::Tunnel(attempt, exchange) = &mut self.stage else { return };
        match exchange.received(bytes, now, &self.config) {
            Ok(true) => self.stage = Stage::Ready(*attempt),
            Ok(false) => {}
            Err(error) => self.stage = Stage::Failed(Some(error.into())),
        }
    }

    fn begin(&mut self, now: Duration) -> DialStep {
        match self.host.parse::<IpAddr>() {
            Ok(address) => {
                let address = SocketAddr::new(address, self.port);
                let mut race = Race::new(&[address], now);
                let step = match race.next(now) {
                    Next::Begin(attempt, address) => DialStep::Connect { attempt, address },
                    Next::Wait | Next::Lost(_) => DialStep::Wait,
                };
                self.stage = Stage::Connecting(race);
                step
            }
            Err(_) => {
                self.stage = Stage::Resolving;
                DialStep::Resolve { host: self.host.clone(), port: self.port }
            }
        }
    }

    /// Ends what has taken too long.
    fn observe(&mut self, now: Duration) {
        let late = self.until.is_some_and(|until| now >= until);
        let during = match &mut self.stage {
            Stage::Tunnel(_, exchange) => match exchange.late_refusal(late, now) {
                Some(refusal) => {
                    self.stage = Stage::Failed(Some(refusal.into()));
                    return;
                }
                None => "timed out waiting for the proxy's answer",
            },
            Stage::Begin | Stage::Resolving => "timed out looking up the name",
            Stage::Connecting(_) => "timed out: no address has answered",
            Stage::Ready(_) | Stage::Failed(_) => return,
        };
        if late {
            let error = self.fail(io::Error::new(ErrorKind::TimedOut, during));
            self.stage = Stage::Failed(Some(error));
        }
    }

    fn fail(&mut self, error: io::Error) -> Error {
        self.stage = Stage::Failed(None);
        let to = match &*self.host {
            address if address.contains(':') => format!("[{address}]:{}", self.port),
            name => format!("{name}:{}", self.port),
        };
        Error::Connect { to, error }
    }
}

/// Shows no credentials.
impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dial")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
