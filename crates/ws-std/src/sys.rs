//! Calls to the operating system that the standard library does not have: not to wait, on a socket that
//! others wait for.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

pub(crate) use imp::{has_input, read_now, wait_readable, wait_writable, write_now};

/// What to wait for, besides input, and for how long.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wait {
    /// Whether room for output ends the wait, too.
    pub(crate) room: bool,
    /// `None` is as long as it takes.
    pub(crate) limit: Option<Duration>,
}

/// The least time a call waits that cannot be told not to wait at all.
#[cfg(not(unix))]
const MIN_WAIT: Duration = Duration::from_millis(1);

#[cfg(unix)]
mod imp {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::net::{RecvFlags, SendFlags, recv, send};

    use super::{Duration, TcpStream, Wait, io};

    /// Where sockets do not have the flag, the standard library has set an option of the same effect.
    #[cfg(target_vendor = "apple")]
    const SEND: SendFlags = SendFlags::DONTWAIT;
    #[cfg(not(target_vendor = "apple"))]
    const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

    /// Writes as much as the socket takes at once.
    pub(crate) fn write_now(tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(tcp, bytes, SEND)?)
    }

    /// Reads what is there.
    pub(crate) fn read_now(tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        let (read, _) = recv(tcp, buffer, RecvFlags::DONTWAIT)?;
        Ok(read)
    }

    /// Whether there is something to read.
    pub(crate) fn has_input(tcp: &TcpStream) -> bool {
        let peek = RecvFlags::DONTWAIT.union(RecvFlags::PEEK);
        recv(tcp, &mut [0; 1][..], peek).is_ok_and(|(read, _)| read > 0)
    }

    /// Waits until the socket takes more, or is shut down.
    pub(crate) fn wait_writable(tcp: &TcpStream, limit: Option<Duration>) {
        // A signal, or any failure, is found out by the next attempt to write.
        let _ = poll(&mut [PollFd::new(tcp, PollFlags::OUT)], timeout(limit).as_ref());
    }

    /// Waits for input; returns whether to read, which may be the wait. Fails with `TimedOut` if the time
    /// has passed.
    pub(crate) fn wait_readable(tcp: &TcpStream, wait: Wait) -> io::Result<bool> {
        if !wait.room && wait.limit.is_none() {
            return Ok(true);
        }
        let flags = if wait.room { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut polled = [PollFd::new(tcp, flags)];
        match poll(&mut polled, timeout(wait.limit).as_ref()) {
            Ok(0) => Err(io::ErrorKind::TimedOut.into()),
            // The end and failures are found out by reading.
            Ok(_) => Ok(polled.iter().any(|fd| fd.revents() != PollFlags::OUT)),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A time that is too long for the system is as long as it takes.
    fn timeout(limit: Option<Duration>) -> Option<Timespec> {
        limit.and_then(|limit| Timespec::try_from(limit).ok())
    }
}

/// Elsewhere, a call waits for a moment at least, and timeouts are those of the socket.
#[cfg(not(unix))]
mod imp {
    use std::io::{Read, Write};

    use super::{Duration, MIN_WAIT, TcpStream, Wait, io};

    /// How long to wait for input at a time, when room for output is waited for, too.
    const PAUSE: Duration = Duration::from_millis(5);

    pub(crate) fn write_now(mut tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        tcp.set_write_timeout(Some(MIN_WAIT))?;
        tcp.write(bytes).map_err(would_block)
    }

    pub(crate) fn read_now(mut tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        tcp.set_read_timeout(Some(MIN_WAIT))?;
        tcp.read(buffer).map_err(would_block)
    }

    pub(crate) fn has_input(tcp: &TcpStream) -> bool {
        tcp.set_read_timeout(Some(MIN_WAIT)).is_ok()
            && tcp.peek(&mut [0]).is_ok_and(|read| read > 0)
    }

    pub(crate) fn wait_writable(_: &TcpStream, limit: Option<Duration>) {
        std::thread::sleep(limit.map_or(PAUSE, |limit| limit.min(PAUSE)));
    }

    pub(crate) fn wait_readable(tcp: &TcpStream, wait: Wait) -> io::Result<bool> {
        let limit = match wait.limit {
            _ if !wait.room => wait.limit,
            Some(limit) => Some(limit.min(PAUSE)),
            None => Some(PAUSE),
        };
        tcp.set_read_timeout(limit.map(|limit| limit.max(MIN_WAIT)))?;
        match tcp.peek(&mut [0]).map_err(would_block) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && wait.room => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && wait.limit.is_some() => {
                Err(io::ErrorKind::TimedOut.into())
            }
            // The end and failures are found out by reading.
            _ => Ok(true),
        }
    }

    fn would_block(error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::TimedOut => io::ErrorKind::WouldBlock.into(),
            _ => error,
        }
    }
}
