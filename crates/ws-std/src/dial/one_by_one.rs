//! One connection attempt at a time, for systems without `poll`.

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

#[cfg(not(unix))]
use ws_common::Cancel;
use ws_common::adapter::{Dial, Route};

use super::{Connect, Instants};

/// The stream that has connected.
#[derive(Default)]
pub(super) struct Attempts(Option<(usize, TcpStream)>);

/// The longest wait of one call of [`wait`](Connect::wait), so that a cancelled dial ends soon.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[cfg(not(unix))]
impl Attempts {
    /// Needs no token: an attempt cannot be ended early, and [`wait`](Connect::wait) returns soon.
    pub(super) fn new(_: Option<&Cancel>) -> Self {
        Self::default()
    }
}

impl Connect for Attempts {
    fn begin(&mut self, attempt: usize, route: &Route, dial: &mut Dial, time: Instants) {
        // Share the time left, so that a silent address leaves time for the others.
        let untried = u32::try_from(dial.untried()).unwrap_or(u32::MAX).saturating_add(1);
        let limit = dial.time_left(time.now());
        match connect(route, limit.map(|left| (left / untried).max(super::MIN_WAIT))) {
            Ok(tcp) => {
                dial.connected(attempt);
                self.0 = Some((attempt, tcp));
            }
            Err(error) => {
                dial.failed(attempt, error, time.now());
            }
        }
    }

    /// Waits for the deadline only: `begin` returns after its attempt has ended.
    fn wait(&mut self, dial: &mut Dial, time: Instants) {
        thread::sleep(time.left(dial).unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN));
    }

    fn take(&mut self, attempt: usize) -> io::Result<TcpStream> {
        let taken = self.0.take().filter(|(number, _)| *number == attempt);
        taken.map(|(_, tcp)| tcp).ok_or_else(|| ErrorKind::NotConnected.into())
    }
}

fn connect(route: &Route, limit: Option<Duration>) -> io::Result<TcpStream> {
    let (socket, address) = (route.socket()?, route.address()?);
    match limit {
        Some(limit) => socket.connect_timeout(&address, limit)?,
        None => socket.connect(&address)?,
    }
    Ok(socket.into())
}
