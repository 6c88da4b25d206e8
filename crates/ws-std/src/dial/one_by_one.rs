//! One attempt to connect at a time, where there is no call that waits for several.

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
        // One that does not answer leaves time for the others.
        let untried = u32::try_from(dial.untried()).unwrap_or(u32::MAX).saturating_add(1);
        let connected = match dial.time_left(time.now()) {
            Some(left) => {
                TcpStream::connect_timeout(&address, (left / untried).max(super::MIN_WAIT))
            }
            None => TcpStream::connect(address),
        };
        // Messages are written whole; waiting for more only delays them.
        match connected.and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp)) {
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

    /// Every attempt has ended when it has begun, so there is nothing to wait for.
    fn wait(&mut self, _: &mut Dial, _: Instants) {}

    fn take(&mut self, attempt: usize) -> io::Result<TcpStream> {
        let taken = self.0.take().filter(|(number, _)| *number == attempt);
        taken.map(|(_, tcp)| tcp).ok_or_else(|| ErrorKind::NotConnected.into())
    }
}
