//! A simulated network, and dials over it in virtual time.

use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;

use crate::adapter::{Dial, DialStep, Route, Target};
use crate::{ClientOptions, Error};

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The behaviour of an address, after so many milliseconds.
#[derive(Clone, Copy)]
pub(super) enum Peer {
    Opens(u64),
    Refuses(u64),
    Silent,
}

/// A result reported to the dial.
enum Report {
    Resolved(io::Result<Vec<SocketAddr>>),
    Connected(usize),
    Failed(usize),
    /// Bytes from the proxy; empty at its end.
    Bytes(Vec<u8>),
    Reset,
}

/// The outcome of a dial.
pub(super) struct Outcome {
    pub(super) at: Duration,
    pub(super) result: Result<SocketAddr, Error>,
    /// The attempts: milliseconds since the start, and the address.
    pub(super) tried: Vec<(u64, String)>,
    /// The bytes sent to the proxy.
    pub(super) sent: String,
}

pub(super) struct Network {
    /// The duration of a look-up in milliseconds, and its result.
    pub(super) look_up: (u64, io::Result<Vec<&'static str>>),
    pub(super) peers: Vec<(&'static str, Peer)>,
    /// The bytes a proxy sends, each at a time in milliseconds.
    pub(super) proxy: Vec<(u64, &'static [u8])>,
    /// When the proxy resets the connection, in milliseconds.
    pub(super) resets: Option<u64>,
}

impl Network {
    pub(super) fn of(peers: &[(&'static str, Peer)]) -> Self {
        let addresses = peers.iter().map(|(address, _)| *address).collect();
        let look_up = (0, Ok(addresses));
        Self { look_up, peers: peers.into(), proxy: Vec::new(), resets: None }
    }

    /// Creates a network with a proxy at a literal address, which sends these bytes at these times.
    pub(super) fn proxy(proxy: &[(u64, &'static [u8])]) -> Self {
        Self { proxy: proxy.into(), ..Self::of(&[("10.0.0.9:3128", Peer::Opens(0))]) }
    }

    fn peer(&self, address: SocketAddr) -> Peer {
        let found = self.peers.iter().find(|(peer, _)| *peer == address.to_string());
        found.map_or(Peer::Silent, |(_, peer)| *peer)
    }

    /// Acts as the adapter, and advances time to the next report or deadline.
    pub(super) fn run(self, url: &str, options: ClientOptions) -> Outcome {
        let request = ClientRequest::new(WsUrl::parse(url).expect("a URL"));
        let mut target = Target::new(request, options).expect("a target");
        let start = Duration::from_secs(1000);
        let (mut now, mut reports) = (start, BTreeMap::new());
        let mut number = 0;
        let mut later = |at: Duration, report, reports: &mut BTreeMap<_, _>| {
            number += 1;
            reports.insert((at, number), report);
        };
        let mut dial = Dial::new(&mut target, now).expect("a configuration");
        let (mut tried, mut addresses, mut sent) = (Vec::new(), Vec::new(), String::new());
        let since = |now: Duration| u64::try_from((now - start).as_millis()).expect("short");
        let result = loop {
            match dial.next(now) {
                Err(error) => break Err(error),
                Ok(DialStep::Ready { attempt }) => break Ok(addresses[attempt]),
                Ok(DialStep::Resolve { port, .. }) => {
                    let parse = |address: &&str| address.parse().expect("an address");
                    let found = match &self.look_up.1 {
                        Ok(found) => Ok(found.iter().map(parse).collect()),
                        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
                    };
                    assert_ne!(port, 0);
                    let report = Report::Resolved(found);
                    later(now + ms(self.look_up.0), report, &mut reports);
                }
                Ok(DialStep::Connect { attempt, route }) => {
                    let Route::Tcp { to: address, .. } = route else { panic!("{route:?}") };
                    assert_eq!(attempt, addresses.len());
                    tried.push((since(now), address.to_string()));
                    addresses.push(address);
                    let (after, report) = match self.peer(address) {
                        Peer::Opens(after) => (after, Report::Connected(attempt)),
                        Peer::Refuses(after) => (after, Report::Failed(attempt)),
                        Peer::Silent => continue,
                    };
                    later(now + ms(after), report, &mut reports);
                }
                Ok(step) => {
                    if matches!(step, DialStep::Tunnel { .. }) && !dial.pending().is_empty() {
                        // Write one byte at a time, as a stream may accept it.
                        sent.push(char::from(dial.pending()[0]));
                        dial.wrote(1);
                        if !dial.pending().is_empty() {
                            continue;
                        }
                        for (at, bytes) in &self.proxy {
                            later(now + ms(*at), Report::Bytes(bytes.to_vec()), &mut reports);
                        }
                        if let Some(at) = self.resets {
                            later(now + ms(at), Report::Reset, &mut reports);
                        }
                    }
                    let next = reports.first_key_value().map(|((at, _), _)| *at);
                    let at = next.into_iter().chain(dial.deadline()).min();
                    let at = at.expect("it waits for ever");
                    assert!(at >= now, "a deadline in the past");
                    now = at;
                    let due = reports.first_entry().filter(|report| report.key().0 <= now);
                    match due.map(OccupiedEntry::remove) {
                        None => {}
                        Some(Report::Resolved(found)) => dial.resolved(found, now),
                        Some(Report::Connected(attempt)) => dial.connected(attempt),
                        Some(Report::Failed(attempt)) => {
                            dial.failed(attempt, ErrorKind::ConnectionRefused.into(), now);
                        }
                        Some(Report::Bytes(bytes)) => dial.received(&bytes, now),
                        Some(Report::Reset) => {
                            dial.failed(0, ErrorKind::ConnectionReset.into(), now);
                        }
                    }
                }
            }
        };
        assert_eq!(dial.deadline(), None, "nothing is to be waited for");
        Outcome { at: now - start, result, tried, sent }
    }
}
