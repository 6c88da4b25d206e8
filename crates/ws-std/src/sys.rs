//! System calls that the standard library lacks: non-blocking I/O on a socket in blocking mode.

use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::time::Duration;

use ws_common::adapter::READ_SIZE;

pub(crate) use imp::{
    has_input, read_arrived, read_into_now, read_now, wait_readable, wait_writable, write_now,
    write_vectored_now,
};

/// How long to wait for input, and whether to wait for room as well.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wait {
    /// Whether room for output also ends the wait.
    pub(crate) room: bool,
    /// `None` means no limit.
    pub(crate) limit: Option<Duration>,
}

/// The shortest socket timeout; the standard library rejects zero.
#[cfg(not(unix))]
const MIN_WAIT: Duration = Duration::from_millis(1);

#[cfg(unix)]
mod imp {
    use std::mem::MaybeUninit;

    use rustix::buffer::spare_capacity;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{Errno, retry_on_intr};
    use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};

    use super::{Duration, IoSlice, READ_SIZE, TcpStream, Wait, io};

    /// How many bytes are read on the stack, before there is memory for them: most small messages fit.
    const FIRST: usize = 4 << 10;

    /// Apple systems lack `MSG_NOSIGNAL`; there the standard library sets `SO_NOSIGPIPE` on the socket.
    #[cfg(target_vendor = "apple")]
    const SEND: SendFlags = SendFlags::DONTWAIT;
    #[cfg(not(target_vendor = "apple"))]
    const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

    /// Writes without waiting; fails with `WouldBlock` if the socket has no room.
    pub(crate) fn write_now(tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(tcp, bytes, SEND)?)
    }

    /// Writes several slices as [`write_now`] does.
    pub(crate) fn write_vectored_now(tcp: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(sendmsg(tcp, slices, &mut SendAncillaryBuffer::default(), SEND)?)
    }

    /// Reads without waiting; fails with `WouldBlock` if there is no input.
    pub(crate) fn read_now(tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        let (read, _) = recv(tcp, buffer, RecvFlags::DONTWAIT)?;
        Ok(read)
    }

    /// Reads as [`read_now`] does, into the spare capacity of `to`, of which there is some. `None` if the system
    /// cannot.
    pub(crate) fn read_into_now(tcp: &TcpStream, to: &mut Vec<u8>) -> Option<io::Result<usize>> {
        let read = retry_on_intr(|| recv(tcp, spare_capacity(to), RecvFlags::DONTWAIT));
        Some(read.map(|(_, read)| read).map_err(Into::into))
    }

    /// Reads the bytes that have arrived, at most [`READ_SIZE`], or waits for the first of them. `to` is empty and gets
    /// memory after the wait. Returns the failure behind the bytes that were read.
    #[inline(never)]
    pub(crate) fn read_arrived(tcp: &TcpStream, to: &mut Vec<u8>) -> io::Result<Option<io::Error>> {
        let mut first = [MaybeUninit::uninit(); FIRST];
        let ((first, _), _) = recv(tcp, &mut first[..], RecvFlags::empty())?;
        if first.len() < FIRST {
            to.reserve_exact(first.len());
            to.extend_from_slice(first);
            return Ok(None);
        }
        to.reserve_exact(READ_SIZE);
        to.extend_from_slice(first);
        match retry_on_intr(|| recv(tcp, spare_capacity(to), RecvFlags::DONTWAIT)) {
            Ok(_) | Err(Errno::AGAIN) => Ok(None),
            Err(error) => Ok(Some(error.into())),
        }
    }

    /// Whether a byte of input can be read without waiting.
    pub(crate) fn has_input(tcp: &TcpStream) -> bool {
        let peek = RecvFlags::DONTWAIT.union(RecvFlags::PEEK);
        recv(tcp, &mut [0; 1][..], peek).is_ok_and(|(read, _)| read > 0)
    }

    /// Waits until the socket has room, is shut down, or `limit` has passed. May return early.
    pub(crate) fn wait_writable(tcp: &TcpStream, limit: Option<Duration>) {
        // After a signal or a failure, the next write shows the state.
        let _ = poll(&mut [PollFd::new(tcp, PollFlags::OUT)], timeout(limit).as_ref());
    }

    /// Waits for input. Returns whether to read: `false` if only room ended the wait, or a signal did.
    /// Without room or a limit to wait for, it returns at once, and the read itself waits. Fails with
    /// `TimedOut` after the limit.
    pub(crate) fn wait_readable(tcp: &TcpStream, wait: Wait) -> io::Result<bool> {
        if !wait.room && wait.limit.is_none() {
            return Ok(true);
        }
        let flags = if wait.room { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut polled = [PollFd::new(tcp, flags)];
        match poll(&mut polled, timeout(wait.limit).as_ref()) {
            Ok(0) => Err(io::ErrorKind::TimedOut.into()),
            // An end or a failure is reported by the read.
            Ok(_) => Ok(polled.iter().any(|fd| fd.revents() != PollFlags::OUT)),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A limit that does not fit becomes no limit.
    fn timeout(limit: Option<Duration>) -> Option<Timespec> {
        limit.and_then(|limit| Timespec::try_from(limit).ok())
    }
}

/// Other systems: calls wait at least [`MIN_WAIT`], by timeouts of the socket.
#[cfg(not(unix))]
mod imp {
    use std::io::{Read, Write};

    use super::{Duration, IoSlice, MIN_WAIT, READ_SIZE, TcpStream, Wait, io};

    /// The longest wait for input while room is waited for as well.
    const PAUSE: Duration = Duration::from_millis(5);

    pub(crate) fn write_now(mut tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        tcp.set_write_timeout(Some(MIN_WAIT))?;
        tcp.write(bytes).map_err(would_block)
    }

    pub(crate) fn write_vectored_now(
        mut tcp: &TcpStream,
        slices: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        tcp.set_write_timeout(Some(MIN_WAIT))?;
        tcp.write_vectored(slices).map_err(would_block)
    }

    pub(crate) fn read_now(mut tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        tcp.set_read_timeout(Some(MIN_WAIT))?;
        tcp.read(buffer).map_err(would_block)
    }

    pub(crate) fn read_into_now(_: &TcpStream, _: &mut Vec<u8>) -> Option<io::Result<usize>> {
        None
    }

    pub(crate) fn read_arrived(
        mut tcp: &TcpStream,
        to: &mut Vec<u8>,
    ) -> io::Result<Option<io::Error>> {
        // One read, because a second one could wait.
        to.resize(READ_SIZE, 0);
        let read = tcp.read(to)?;
        to.truncate(read);
        to.shrink_to_fit();
        Ok(None)
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
            // An end or a failure is reported by the read.
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
