//! Reading the header with which a proxy begins a connection.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::Duration;

use ws_common::Error;
use ws_common::adapter::{ProxyHeader, ProxyHeaderRead};
use wsproto::SessionError;

use crate::clock::now;
use crate::retry::is_timeout;
use crate::sys::{self, Wait};

/// The longest wait at a time.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Reads a header until it is complete, or the transport has ended without input. A proxy that has sent nothing
/// until the deadline counts as ended.
pub(crate) fn read_proxy_header(
    mut header: ProxyHeader,
    tcp: &TcpStream,
    deadline: Option<Duration>,
) -> Result<ProxyHeaderRead, Error> {
    loop {
        match header.read(&mut WithoutWaiting(tcp))? {
            ProxyHeaderRead::Blocked => {}
            read => return Ok(read),
        }
        let left = deadline.map_or(LONGEST_WAIT, |deadline| deadline.saturating_sub(now()));
        if left.is_zero() {
            return match header.is_blank() {
                true => Ok(ProxyHeaderRead::Ended),
                false => Err(SessionError::HandshakeTimeout.into()),
            };
        }
        match sys::wait_readable(tcp, Wait { room: false, limit: Some(left.min(LONGEST_WAIT)) }) {
            Err(error) if !is_timeout(&error) => return Err(error.into()),
            _ => {}
        }
    }
}

struct WithoutWaiting<'a>(&'a TcpStream);

impl Read for WithoutWaiting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        sys::read_now(self.0, buffer)
    }
}
