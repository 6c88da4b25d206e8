//! Staggered connection attempts to the addresses of a host, until one connects (RFC 8305 section 5).

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Route;

/// The delay between the beginnings of two attempts (RFC 8305 section 5).
pub(super) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The delay before the next attempt to reach a Unix domain socket whose backlog is full.
const BACKLOG_DELAY: Duration = Duration::from_millis(10);

/// The attempts to connect to one host.
#[derive(Debug)]
pub(super) struct Race {
    untried: VecDeque<Route>,
    /// The number of attempts begun, which is also the number of the next one.
    begun: usize,
    /// The attempts that have not ended.
    running: Vec<usize>,
    /// When to begin the next attempt, even if others are still running.
    next_at: Duration,
    /// Whether the next attempt waits for that time even if no other is running.
    repeats: bool,
    error: io::Error,
}

/// The next step of a race.
pub(super) enum Next {
    Begin(usize, Route),
    Wait,
    /// Every address has failed.
    Lost(io::Error),
}

impl Race {
    /// Orders the addresses: the families alternate, starting with that of the first address (RFC 8305
    /// section 4). Duplicates are removed, and so are those of another family than the local address
    /// `from`.
    pub(super) fn new(addresses: &[SocketAddr], from: Option<SocketAddr>, now: Duration) -> Self {
        let reaches = |to: &&SocketAddr| from.is_none_or(|from| from.is_ipv4() == to.is_ipv4());
        let (found, addresses) = (addresses.len(), addresses.iter().filter(reaches));
        let addresses: Vec<_> = addresses.collect();
        let first_is_v4 = addresses.first().is_some_and(|first| first.is_ipv4());
        let (mut first, mut second) = (VecDeque::new(), VecDeque::new());
        for address in addresses {
            let family = if address.is_ipv4() == first_is_v4 { &mut first } else { &mut second };
            let route = Route::Tcp { to: *address, from };
            if !family.contains(&route) {
                family.push_back(route);
            }
        }
        let mut untried = VecDeque::with_capacity(first.len() + second.len());
        while !first.is_empty() || !second.is_empty() {
            untried.extend(first.pop_front());
            untried.extend(second.pop_front());
        }
        let missing = match found {
            0 => "the name has no address",
            _ => "the name has no address of the family of the local address",
        };
        Self::between(untried, now, io::Error::new(ErrorKind::NotFound, missing))
    }

    /// Creates a race with one participant.
    pub(super) fn unix(path: PathBuf, now: Duration) -> Self {
        Self::between(VecDeque::from([Route::Unix(path)]), now, ErrorKind::NotFound.into())
    }

    /// Creates a race of these routes; `error` is its outcome if there are none.
    const fn between(untried: VecDeque<Route>, now: Duration, error: io::Error) -> Self {
        Self { untried, begun: 0, running: Vec::new(), next_at: now, repeats: false, error }
    }

    pub(super) fn next(&mut self, now: Duration) -> Next {
        if now < self.next_at && (self.repeats || !self.running.is_empty()) {
            return Next::Wait;
        }
        match self.untried.pop_front() {
            Some(route) => {
                let attempt = self.begun;
                self.begun += 1;
                self.running.push(attempt);
                self.next_at = now.saturating_add(ATTEMPT_DELAY);
                Next::Begin(attempt, route)
            }
            None if self.running.is_empty() => {
                Next::Lost(std::mem::replace(&mut self.error, ErrorKind::NotConnected.into()))
            }
            None => Next::Wait,
        }
    }

    /// Returns when to begin the next attempt, if there is an address left.
    pub(super) fn deadline(&self) -> Option<Duration> {
        (!self.untried.is_empty()).then_some(self.next_at)
    }

    pub(super) fn untried(&self) -> usize {
        self.untried.len()
    }

    pub(super) fn is_running(&self, attempt: usize) -> bool {
        self.running.contains(&attempt)
    }

    /// Repeats an attempt at a Unix domain socket whose backlog is full: its `connect` does not wait.
    pub(super) fn repeat(&mut self, attempt: usize, path: PathBuf, now: Duration) {
        self.running.retain(|running| *running != attempt);
        self.untried.push_back(Route::Unix(path));
        (self.repeats, self.next_at) = (true, now.saturating_add(BACKLOG_DELAY));
    }

    /// Records that an attempt has failed. The next one begins at once.
    pub(super) fn failed(&mut self, attempt: usize, error: io::Error, now: Duration) {
        if self.is_running(attempt) {
            self.running.retain(|running| *running != attempt);
            self.next_at = now;
            // An attempt that only finds the fixed local port in use by an earlier one says nothing about the
            // server.
            if error.kind() != ErrorKind::AddrInUse || attempt == 0 {
                self.error = error;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(addresses: &[&str]) -> Vec<String> {
        let addresses: Vec<_> =
            addresses.iter().map(|address| address.parse().expect("an address")).collect();
        let race = Race::new(&addresses, None, Duration::ZERO);
        let address = |route: &Route| match route {
            Route::Tcp { to, .. } => to.to_string(),
            Route::Unix(_) => unreachable!("addresses only"),
        };
        race.untried.iter().map(address).collect()
    }

    #[test]
    fn families_take_turns_beginning_with_that_of_the_first_address() {
        // L9
        let (a, b, c) = ("[::1]:1", "[::2]:1", "[::3]:1");
        let (x, y) = ("1.1.1.1:1", "2.2.2.2:1");
        assert_eq!(order(&[a, b, c, x, y]), [a, x, b, y, c]);
        assert_eq!(order(&[x, a, b, y, c]), [x, a, y, b, c]);
        assert_eq!(order(&[x, x, y, x]), [x, y]);
        assert!(order(&[]).is_empty());
    }

    #[test]
    fn a_local_port_in_use_hides_no_other_error() {
        // M3
        let addresses = ["1.1.1.1:1", "2.2.2.2:1"].map(|at| at.parse().expect("an address"));
        let lose = |errors: [(usize, ErrorKind); 2]| {
            let mut race = Race::new(&addresses, None, Duration::ZERO);
            for now in [Duration::ZERO, ATTEMPT_DELAY] {
                assert!(matches!(race.next(now), Next::Begin(..)));
            }
            for (attempt, error) in errors {
                race.failed(attempt, error.into(), ATTEMPT_DELAY);
            }
            match race.next(ATTEMPT_DELAY) {
                Next::Lost(error) => error.kind(),
                _ => panic!("both have failed"),
            }
        };
        let (refused, in_use) = (ErrorKind::ConnectionRefused, ErrorKind::AddrInUse);
        assert_eq!(lose([(0, refused), (1, in_use)]), refused);
        assert_eq!(lose([(1, in_use), (0, refused)]), refused);
        assert_eq!(lose([(0, in_use), (1, in_use)]), in_use);
    }
}
