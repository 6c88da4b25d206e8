//! Vectored writes to a socket.

use std::io::{self, IoSlice, Write};

use mio::net::TcpStream;
use socket2::SockRef;

/// Writes several slices at once. If the peer has gone, this causes no `SIGPIPE`, unlike `writev`, which has
/// no flags.
pub(crate) fn send_vectored(tcp: &TcpStream, from: &[IoSlice<'_>]) -> io::Result<usize> {
    match NO_SIGNAL {
        Some(flags) => tcp.try_io(|| SockRef::from(tcp).send_vectored_with_flags(from, flags)),
        // Write one slice: a plain write of `TcpStream` causes no signal on any system.
        None => {
            let first = from.iter().find(|slice| !slice.is_empty());
            (&mut &*tcp).write(first.map_or(&[], |slice| slice))
        }
    }
}

/// The flags that prevent `SIGPIPE`; `None` on systems where they are unknown.
pub(crate) const NO_SIGNAL: Option<i32> = {
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
        target_os = "illumos",
        target_os = "solaris",
    ))]
    {
        Some(libc::MSG_NOSIGNAL)
    }
    // Windows has no signals.
    #[cfg(windows)]
    {
        Some(0)
    }
    #[cfg(not(any(
        windows,
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
        target_os = "illumos",
        target_os = "solaris",
    )))]
    {
        None
    }
};
