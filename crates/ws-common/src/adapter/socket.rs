//! Sockets, as every adapter opens them.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// How many connections the system keeps for a listener that does not accept at the moment.
const BACKLOG: i32 = 4096;

/// How many bytes the system keeps for a peer, beyond those that are on their way to it.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 128 << 10;

/// Sets the options of a connection's socket. If the peer is gone, reading says so.
///
/// Messages are written whole; waiting for more only delays them (`TCP_NODELAY`). The system keeps little
/// that it cannot send yet (`TCP_NOTSENT_LOWAT`): otherwise a Ping could wait behind megabytes in its
/// buffers, and a peer that is slow be taken for one that is gone.
pub fn tune<'s>(socket: impl Into<SockRef<'s>>) {
    let socket = socket.into();
    let _ = socket.set_tcp_nodelay(true);
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let _ = socket.set_tcp_notsent_lowat(UNSENT);
}

/// Listens on the first of several addresses that can be bound; port 0 is any that is free. With `share`,
/// several listeners have the same port (`SO_REUSEPORT`), and the system distributes the connections.
///
/// # Errors
///
/// [`io::Error`] if no address can be bound, or if the system has no listeners that share a port.
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
    // A server that is started again need not wait for what is left of its connections.
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
