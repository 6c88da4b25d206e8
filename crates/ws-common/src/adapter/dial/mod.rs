//! Opening a client's stream, without I/O: name look-up, connection attempts, a proxy's tunnel, and one
//! timeout for all of them.

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

/// The adapter's next step to open a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialStep {
    /// Look up the addresses of a name, and report them to [`Dial::resolved`]. Wait until
    /// [`Dial::deadline`] at most.
    Resolve {
        /// The name; never a literal address, which needs no look-up.
        host: String,
        /// The port.
        port: u16,
    },
    /// Begin to connect to an address, concurrently with the running attempts, and report the outcome to
    /// [`Dial::connected`] or [`Dial::failed`].
    Connect {
        /// The number of the attempt, unique within the dial.
        attempt: usize,
        /// The address to connect to.
        address: SocketAddr,
    },
    /// Exchange bytes with the proxy over the connected attempt; drop all others. Write [`Dial::pending`],
    /// read once, and ask for the next step after each read, so that a proxy that floods does not delay
    /// other connections.
    Tunnel {
        /// The attempt that has connected.
        attempt: usize,
    },
    /// Wait until there is a result to report, or until [`Dial::deadline`].
    Wait,
    /// The stream to the server is open on this attempt; drop all others. For a `wss://` URL, TLS is next.
    Ready {
        /// The attempt that has connected.
        attempt: usize,
    },
}

/// Opens a client's stream.
///
/// The adapter asks for the [next step](Self::next), executes it, and reports results in any order. Times
/// have an origin of the adapter's choice. After an error, the adapter drops all attempts and look-ups.
pub struct Dial {
    host: String,
    port: u16,
    config: Arc<Config>,
    /// The exchange with a proxy; `None` without a proxy, and once an attempt has connected.
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
    /// Begins at `now`; the [`connect_timeout`](crate::ClientOptions::connect_timeout) starts.
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

    /// Returns the next step.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if no connection to the host or the proxy could be made, or not in time;
    /// [`Error::Proxy`] if the proxy answered without opening a tunnel. Later calls fail with
    /// [`Error::Connect`] of kind [`NotConnected`](ErrorKind::NotConnected).
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

    /// Returns when to call [`next`](Self::next) again at the latest. It may change after each call of
    /// [`next`](Self::next) and after each reported result.
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

    /// Returns the rest of the [`connect_timeout`](crate::ClientOptions::connect_timeout); `None` without
    /// one.
    #[must_use]
    pub fn time_left(&self, now: Duration) -> Option<Duration> {
        self.until.map(|until| until.saturating_sub(now))
    }

    /// Returns the number of addresses not tried yet, for adapters that can try only one at a time.
    #[must_use]
    pub fn untried(&self) -> usize {
        match &self.stage {
            Stage::Connecting(race) => race.untried(),
            _ => 0,
        }
    }

    /// Reports the result of a look-up.
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

    /// Reports that an attempt has connected. The first one wins.
    pub fn connected(&mut self, attempt: usize) {
        if !matches!(&self.stage, Stage::Connecting(race) if race.is_running(attempt)) {
            return;
        }
        self.stage = match self.exchange.take() {
            Some(exchange) => Stage::Tunnel(attempt, exchange),
            None => Stage::Ready(attempt),
        };
    }

    /// Reports that an attempt has failed, before or after it has connected. Drop it.
    pub fn failed(&mut self, attempt: usize, error: io::Error, now: Duration) {
        match &mut self.stage {
            Stage::Connecting(race) => race.failed(attempt, error, now),
            Stage::Tunnel(connected, exchange) if *connected == attempt => {
                // If the proxy's refusal has begun to arrive, report it rather than the I/O error.
                let error = match exchange.refusal() {
                    Some(refusal) => refusal.into(),
                    None => self.fail(error),
                };
                self.stage = Stage::Failed(Some(error));
            }
            _ => {}
        }
    }

    /// Returns the bytes to write to the proxy.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        match &self.stage {
            Stage::Tunnel(_, exchange) => exchange.pending(),
            _ => &[],
        }
    }

    /// Reports how many bytes of [`pending`](Self::pending) were written.
    pub fn wrote(&mut self, len: usize) {
        if let Stage::Tunnel(_, exchange) = &mut self.stage {
            exchange.wrote(len);
        }
    }

    /// Reports bytes received from the proxy; an empty slice is the end of the input.
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

    /// Fails a stage that has exceeded its time.
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

/// Omits the proxy's credentials.
impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dial")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
