//! Socket options and listeners.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::logging::debug;
use crate::server_socket::BACKLOG;

/// Sets `TCP_NODELAY` of a connection's socket: messages are written whole, so Nagle's algorithm would only delay them.
/// An error is ignored: if the peer is gone, the next read fails.
pub fn tune<'s>(socket: impl Into<SockRef<'s>>) {
    let _ = socket.into().set_tcp_nodelay(true);
}

/// Limits the bytes that a socket holds unsent (`TCP_NOTSENT_LOWAT`, on Linux and Android). Otherwise a Ping could wait
/// behind megabytes, and the keep-alive would take a slow peer for a dead one. An error is ignored: a socket of another
/// kind has no such limit.
pub(super) fn limit_unsent(socket: &SockRef<'_>, bytes: usize) {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let _ = socket.set_tcp_notsent_lowat(u32::try_from(bytes).unwrap_or(u32::MAX));
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = (socket, bytes);
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

/// How often to look for a port that is free for both families of addresses.
const ATTEMPTS: usize = 16;

/// Listens on the first address that can be bound, and at the same port on the first one of the other family:
/// `localhost` has an IPv4 and an IPv6 address, and its clients may use either. Port 0 is any free port.
///
/// # Errors
///
/// [`io::Error`] if no address can be bound, that of the last one; or if the port is in use at the address
/// of the other family, so that another program would get half of the clients. An address that this machine
/// does not have is no error.
pub fn listen(address: impl ToSocketAddrs) -> io::Result<Vec<TcpListener>> {
    let addresses: Vec<_> = address.to_socket_addrs()?.collect();
    let is_v4 = |address: &SocketAddr| address.is_ipv4();
    // A socket for all IPv6 addresses would serve the IPv4 ones, too, and they could not be bound.
    let both = addresses.iter().any(is_v4) && !addresses.iter().all(is_v4);
    let mut attempts = ATTEMPTS;
    loop {
        let first = listen_first(&addresses, Share::No, both)?;
        let bound = first.local_addr()?;
        let others: Vec<_> = addresses
            .iter()
            .filter(|address| address.is_ipv4() != bound.is_ipv4())
            .map(|address| match address.port() {
                0 => SocketAddr::new(address.ip(), bound.port()),
                _ => *address,
            })
            .collect();
        attempts -= 1;
        return match listen_first(&others, Share::No, both) {
            Ok(other) => Ok(vec![first, other]),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if attempts > 0 && addresses.iter().any(|address| address.port() == 0) {
                    continue;
                }
                Err(error)
            }
            Err(error) => {
                if !others.is_empty() {
                    debug!("cannot listen at {others:?} as well: {error}");
                }
                Ok(vec![first])
            }
        };
    }
}

/// Listens with several sockets at the first address that can be bound. They share its port
/// (`SO_REUSEPORT`), and the operating system distributes the connections among them.
///
/// # Errors
///
/// [`io::Error`] if no address can be bound, that of the last one; of kind `Unsupported` if the system is
/// not Unix.
pub fn listen_shared(address: impl ToSocketAddrs, count: usize) -> io::Result<Vec<TcpListener>> {
    let addresses: Vec<_> = address.to_socket_addrs()?.collect();
    let mut listeners = vec![listen_first(&addresses, Share::Yes, false)?];
    let bound = listeners[0].local_addr()?;
    for _ in 1..count {
        listeners.push(listen_at(bound, Share::Yes, false)?);
    }
    Ok(listeners)
}

/// Whether several sockets share a port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Yes,
    No,
}

fn listen_first(addresses: &[SocketAddr], share: Share, only_v6: bool) -> io::Result<TcpListener> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        result = listen_at(*address, share, only_v6);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn listen_at(address: SocketAddr, share: Share, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if only_v6 && address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Lets a restarted server bind while old connections are in TIME_WAIT.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if share == Share::Yes {
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
        #[cfg(not(unix))]
        return Err(io::ErrorKind::Unsupported.into());
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_listens_on_both_families_at_one_port() {
        // M9
        let both = ["127.0.0.1:0", "[::1]:0"].map(|text| text.parse().expect("an address"));
        let listeners = listen(&both[..]).expect("free ports");
        let bound: Vec<_> =
            listeners.iter().map(|socket| socket.local_addr().expect("one")).collect();
        assert!(
            bound.iter().all(|address| address.port() == bound[0].port() && address.port() > 0)
        );
        assert!(bound[0].is_ipv4());
        // A machine without IPv6 has one.
        assert!(bound.len() == 1 || bound.len() == 2 && bound[1].is_ipv6());
        for address in &bound {
            std::net::TcpStream::connect(address).expect("it listens");
        }
        let all = ["0.0.0.0:0", "[::]:0"].map(|text| text.parse().expect("an address"));
        assert_eq!(listen(&all[..]).expect("free ports").len(), bound.len());
        // A port that another socket has is an error, in either family.
        for taken in &listeners {
            let port = taken.local_addr().expect("an address").port();
            let wanted = both.map(|address: SocketAddr| SocketAddr::new(address.ip(), port));
            let error = listen(&wanted[..]).expect_err("it is in use");
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
        // The first usable one of a family.
        let list =
            ["192.0.2.1:0", "127.0.0.1:0", "127.0.0.2:0"].map(|text| text.parse().expect("one"));
        let listeners = listen(&list[..]).expect("a free port");
        assert_eq!(listeners.len(), 1);
        assert_eq!(listeners[0].local_addr().expect("an address").ip(), list[1].ip());
    }
}
