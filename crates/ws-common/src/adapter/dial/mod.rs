//! Opening a client's stream, without I/O: name look-up, connection attempts, a proxy's tunnel, and one
//! timeout for all of them.

mod exchange;
mod race;
mod route;
mod socks;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use wsproto::{Config, SessionError};

use super::Target;
#[cfg(feature = "tls")]
use super::tls::TlsState;
use crate::adapter::logging::debug;
use crate::{Cancel, ConnectTo, Error};
use exchange::Exchange;
use race::{Next, Race};

pub use route::{Route, is_connected};

/// The maximum number of bytes of a proxy's response that one read takes.
const READ_SIZE: usize = 4096;

/// The adapter's next step to open a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialStep {
    /// Look up the addresses of a name, and report them to [`Dial::resolved`]. Wait until
    /// [`Dial::deadline`] at most.
    Resolve {
        /// The name, or an IPv6 address with a zone; never another literal address, which needs no look-up.
        host: String,
        /// The port.
        port: u16,
    },
    /// Begin to connect, concurrently with the running attempts, and report the outcome to
    /// [`Dial::connected`] or [`Dial::failed`].
    Connect {
        /// The number of the attempt, unique within the dial.
        attempt: usize,
        /// The ends of the connection.
        route: Route,
    },
    /// Exchange bytes with the proxy over the connected attempt; drop all others. Call
    /// [`Dial::exchange`], and ask for the next step after each call, so that a proxy that floods does not
    /// delay other connections.
    Tunnel {
        /// The attempt that has connected.
        attempt: usize,
    },
    /// Wait until there is a result to report, or until [`Dial::deadline`].
    Wait,
    /// The stream to the server is open on this attempt; drop all others. `Dial::take_tls` returns the TLS
    /// to use on it, if any.
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
    place: ConnectTo,
    from: Option<SocketAddr>,
    config: Arc<Config>,
    /// The exchange with a proxy; `None` without a proxy, and once an attempt has connected.
    exchange: Option<Box<Exchange>>,
    /// TLS with the server, over that with the proxy once the tunnel is open.
    #[cfg(feature = "tls")]
    tls: Option<TlsState>,
    begin_at: Duration,
    until: Option<Duration>,
    cancel: Option<Cancel>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Begin,
    Resolving,
    Connecting(Race),
    Tunnel(usize, Box<Exchange>),
    Ready(usize),
    Failed(Option<Error>),
}

impl Dial {
    /// Begins at `now`: first the [`delay`](crate::ClientOptions::delay), unless this is a redirect, then the
    /// [`connect_timeout`](crate::ClientOptions::connect_timeout).
    ///
    /// # Errors
    ///
    /// [`Error::ClientCertificate`], [`Error::Url`], [`Error::Option`] or [`Error::TlsUnavailable`] for a
    /// redirect that must not be followed: with a client certificate, one to a `wss://` URL of another origin;
    /// otherwise as [`Target::new`]. [`Error::Tls`] or [`Error::Proxy`] if rustls rejects the configuration for
    /// the server or the proxy.
    pub fn new(target: &mut Target, now: Duration) -> Result<Self, Error> {
        if let Some(refusal) = target.take_refusal() {
            return Err(refusal);
        }
        let begin_at = now.saturating_add(target.take_delay());
        let (url, options) = (target.request().url(), target.options());
        let exchange =
            target.proxy().map(|proxy| Exchange::new(url, proxy).map(Box::new)).transpose()?;
        Ok(Self {
            place: target.place(),
            from: options.local_address,
            config: Arc::clone(&options.config),
            exchange,
            #[cfg(feature = "tls")]
            tls: target.begin_tls()?.map(|tls| TlsState::new(tls.into())),
            begin_at,
            until: options.connect_timeout.map(|timeout| begin_at.saturating_add(timeout)),
            cancel: options.cancel.clone(),
            stage: Stage::Begin,
        })
    }

    /// Returns the next step.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if no connection to the host or the proxy could be made, or not in time;
    /// [`Error::Proxy`] if the proxy answered without opening a tunnel; [`Error::Session`] of
    /// [`Abandoned`](SessionError::Abandoned) if it was [cancelled](Cancel). Later calls fail with
    /// [`Error::Connect`] of kind [`NotConnected`](ErrorKind::NotConnected).
    pub fn next(&mut self, now: Duration) -> Result<DialStep, Error> {
        self.observe(now);
        match &mut self.stage {
            Stage::Begin if now < self.begin_at => Ok(DialStep::Wait),
            Stage::Begin => {
                // The adapter may be late: the machine slept, or the loop was busy. Nothing was tried yet.
                let late = now.saturating_sub(self.begin_at);
                self.until = self.until.map(|until| until.saturating_add(late));
                match self.begin(now) {
                    Some(step) => Ok(step),
                    None => self.next(now),
                }
            }
            Stage::Resolving => Ok(DialStep::Wait),
            Stage::Connecting(race) => match race.next(now) {
                Next::Begin(attempt, route) => {
                    debug!("{}: attempt {attempt} connects to {route:?}", self.place);
                    Ok(DialStep::Connect { attempt, route })
                }
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
            Stage::Begin => (Some(self.begin_at), None),
            Stage::Resolving => (None, self.until),
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
        debug!("{}: the look-up has found {found:?}", self.place);
        match found {
            Ok(addresses) => {
                self.stage = Stage::Connecting(Race::new(&addresses, self.from, now));
            }
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
        debug!("{}: attempt {attempt} has failed: {error}", self.place);
        match (&mut self.stage, &self.place) {
            (Stage::Connecting(race), ConnectTo::Unix(path))
                if error.kind() == ErrorKind::WouldBlock =>
            {
                race.repeat(attempt, path.clone(), now);
            }
            (Stage::Connecting(race), _) => race.failed(attempt, error, now),
            (Stage::Tunnel(connected, exchange), _) if *connected == attempt => {
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

    /// Exchanges bytes with the proxy, which is a [step](DialStep::Tunnel): writes once if there is something
    /// to write, otherwise reads once.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of `socket`. Unless it is a timeout or `WouldBlock`, report it to
    /// [`failed`](Self::failed).
    pub fn exchange(
        &mut self,
        socket: &mut (impl Read + Write),
        now: impl Fn() -> Duration,
    ) -> io::Result<()> {
        loop {
            let moved = match self.pending() {
                [] => {
                    let mut buffer = [0; READ_SIZE];
                    socket.read(&mut buffer).map(|read| {
                        self.received(buffer.get(..read).unwrap_or_default(), now());
                    })
                }
                pending => match socket.write(pending) {
                    Ok(0) => Err(ErrorKind::WriteZero.into()),
                    written => written.map(|written| self.wrote(written)),
                },
            };
            match moved {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                moved => return moved,
            }
        }
    }

    /// Returns the bytes to write to the proxy.
    fn pending(&self) -> &[u8] {
        match &self.stage {
            Stage::Tunnel(_, exchange) => exchange.pending(),
            _ => &[],
        }
    }

    fn wrote(&mut self, len: usize) {
        if let Stage::Tunnel(_, exchange) = &mut self.stage {
            exchange.wrote(len);
        }
        self.conclude_exchange();
    }

    /// Takes bytes from the proxy; an empty slice is the end of the input.
    fn received(&mut self, bytes: &[u8], now: Duration) {
        if let Stage::Tunnel(_, exchange) = &mut self.stage
            && let Err(error) = exchange.received(bytes, now, &self.config)
        {
            self.stage = Stage::Failed(Some(error.into()));
        }
        self.conclude_exchange();
    }

    fn conclude_exchange(&mut self) {
        let Stage::Tunnel(attempt, exchange) = &self.stage else { return };
        if !exchange.is_done() {
            return;
        }
        let ready = Stage::Ready(*attempt);
        let _before = std::mem::replace(&mut self.stage, ready);
        #[cfg(feature = "tls")]
        if let Stage::Tunnel(_, exchange) = _before
            && let Some(outer) = exchange.into_tls()
        {
            self.tls = Some(match self.tls.take() {
                Some(inner) => inner.over(outer),
                None => outer,
            });
        }
    }

    /// Returns the TLS to use on the stream to the server, with none of its bytes written yet, if the stream
    /// is [ready](DialStep::Ready): with the server, the proxy, or both. `None` for plain streams.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn take_tls(&mut self) -> Option<TlsState> {
        self.tls.take()
    }

    /// Begins a look-up or a race. Returns the first step if that is a look-up.
    fn begin(&mut self, now: Duration) -> Option<DialStep> {
        let race = match &self.place {
            ConnectTo::Addresses(addresses) => Race::new(addresses, self.from, now),
            ConnectTo::Unix(path) => Race::unix(path.clone(), now),
            ConnectTo::Host(host, port) => match host.parse::<IpAddr>() {
                Ok(address) => Race::new(&[SocketAddr::new(address, *port)], self.from, now),
                Err(_) => {
                    self.stage = Stage::Resolving;
                    return Some(DialStep::Resolve { host: host.clone(), port: *port });
                }
            },
        };
        self.stage = Stage::Connecting(race);
        None
    }

    /// Fails a stage that has exceeded its time.
    fn observe(&mut self, now: Duration) {
        if self.cancel.as_ref().is_some_and(Cancel::is_cancelled)
            && !matches!(self.stage, Stage::Failed(None))
        {
            self.stage = Stage::Failed(Some(SessionError::Abandoned.into()));
        }
        let late = self.until.is_some_and(|until| now >= until);
        let during = match &mut self.stage {
            Stage::Tunnel(_, exchange) => match exchange.late_refusal(late, now) {
                Some(refusal) => {
                    self.stage = Stage::Failed(Some(refusal.into()));
                    return;
                }
                None => "timed out waiting for the proxy's answer",
            },
            Stage::Resolving => "timed out looking up the name",
            Stage::Connecting(_) => "timed out: no address has answered",
            Stage::Begin | Stage::Ready(_) | Stage::Failed(_) => return,
        };
        if late {
            let error = self.fail(io::Error::new(ErrorKind::TimedOut, during));
            self.stage = Stage::Failed(Some(error));
        }
    }

    fn fail(&mut self, error: io::Error) -> Error {
        self.stage = Stage::Failed(None);
        let to = self.place.to_string();
        Error::Connect { to, error }
    }
}

/// Omits the proxy's credentials.
impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dial")
            .field("place", &self.place)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
