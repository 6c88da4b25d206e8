//! Socket options and listeners.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// The maximum number of connections in a listener's accept queue.
const BACKLOG: i32 = 4096;

/// The limit of unsent bytes in a socket's send buffer (`TCP_NOTSENT_LOWAT`).
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 128 << 10;

/// Sets the options of a connection's socket. Errors are ignored: if the peer is gone, the next read fails.
///
/// `TCP_NODELAY`: messages are written whole, so Nagle's algorithm would only delay them.
/// `TCP_NOTSENT_LOWAT` (Linux and Android, 128 KiB): limits unsent data in the send buffer. Otherwise a
/// Ping could wait behind megabytes, and the keep-alive would take a slow peer for a dead one.
pub fn tune<'s>(socket: impl Into<SockRef<'s>>) {
    let socket = socket.into();
    let _ = socket.set_tcp_nodelay(true);
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let _ = socket.set_tcp_notsent_lowat(UNSENT);
}

/// Returns whether an operation on a socket can be repeated later. The kind of a socket's timeout depends on
/// the operating system: on Unix it is `WouldBlock`, and a `TimedOut` from the system means that TCP has
/// given up.
#[must_use]
pub fn is_timeout(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::WouldBlock => true,
        io::ErrorKind::TimedOut => cfg!(not(unix)) || error.raw_os_error().is_none(),
        _ => false,
    }
}

/// Listens on the first address that can be bound; port 0 is any free port. With `share`, several listeners
/// can share a port (`SO_REUSEPORT`), and the operating system distributes the connections among them.
///
/// # Errors
///
/// [`io::Error`] if no address can be bound, that of the last one; of kind `Unsupported` if `share` is set
/// and the platform is not Unix.
pub fn listen(address: impl ToSocketAddrs, share: bool) -> io::Result<TcpListener> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in address.to_socket_addrs()? {
        result = listen_at(address, share);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn listen_at(address: SocketAddr, share: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Lets a restarted server bind while old connections are in TIME_WAIT.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if share {
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
        #[cfg(not(unix))]
        return Err(io::ErrorKind::Unsupported.into());
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
