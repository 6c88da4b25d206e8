//! One connection attempt at a time, for systems without `poll`.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};

use log::debug;
use ws_common::adapter::Dial;

use super::{Connect, Instants};

/// The stream that has connected.
#[derive(Default)]
pub(super) struct Attempts(Option<(usize, TcpStream)>);

impl Connect for Attempts {
    fn begin(&mut self, attempt: usize, address: SocketAddr, dial: &mut Dial, time: Instants) {
        // Share the time left, so that a silent address leaves time for the others.
        let untried = u32::try_from(dial.untried()).unwrap_or(u32::MAX).saturating_add(1);
        let connected = match dial.time_left(time.now()) {
            Some(left) => {
                TcpStream::connect_timeout(&address, (left / untried).max(super::MIN_WAIT))
            }
            None => TcpStream::connect(address),
        };
        match connected {
            Ok(tcp) => {
                dial.connected(attempt);
                self.0 = Some((attempt, tcp));
            }
            Err(error) => {
                debug!("{address}: {error}");
                dial.failed(attempt, error, time.now());
            }
        }
    }

    /// Nothing to wait for: `begin` returns after its attempt has ended.
    fn wait(&mut self, _: &mut Dial, _: Instants) {}

    fn take(&mut self, attempt: usize) -> io::Result<TcpStream> {
        let taken = self.0.take().filter(|(number, _)| *number == attempt);
        taken.map(|(_, tcp)| tcp).ok_or_else(|| ErrorKind::NotConnected.into())
    }
}
