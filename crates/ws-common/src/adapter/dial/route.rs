//! The sockets of connection attempts.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use socket2::{Domain, Protocol, Socket, Type};

/// The ends of the socket of a connection attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A TCP connection.
    Tcp {
        /// The address to connect to.
        to: SocketAddr,
        /// The local address; `None` leaves it to the operating system.
        from: Option<SocketAddr>,
    },
    /// A connection to the Unix domain socket at this path.
    Unix(PathBuf),
}

impl Route {
    /// Creates a socket in blocking mode, bound to the local address. Does not connect it.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of the operating system; of kind [`Unsupported`](io::ErrorKind::Unsupported) for a Unix
    /// domain socket on a system without one.
    pub fn socket(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp { to, from } => {
                let domain = Domain::for_address(*to);
                let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
                if let Some(from) = from {
                    // Attempts to several addresses share a fixed port, also with connections that have ended
                    // (TIME-WAIT). On Windows, the option would let others take the port.
                    #[cfg(unix)]
                    if from.port() != 0 {
                        socket.set_reuse_address(true)?;
                    }
                    socket.bind(&(*from).into())?;
                }
                Ok(socket)
            }
            #[cfg(unix)]
            Self::Unix(_) => Socket::new(Domain::UNIX, Type::STREAM, None),
            #[cfg(not(unix))]
            Self::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Returns the address to connect to.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the path of a Unix domain socket is too long.
    pub fn address(&self) -> io::Result<socket2::SockAddr> {
        match self {
            Self::Tcp { to, .. } => Ok((*to).into()),
            Self::Unix(path) => socket2::SockAddr::unix(path),
        }
    }

    /// Creates a non-blocking socket and begins to connect it. It is writable once it has connected or
    /// failed; [`is_connected`] then tells.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the connection fails at once; of kind [`WouldBlock`](io::ErrorKind::WouldBlock) if the
    /// backlog of a Unix domain socket is full. Report it to [`Dial::failed`](super::Dial::failed).
    pub fn connect(&self) -> io::Result<Socket> {
        let socket = self.socket()?;
        socket.set_nonblocking(true)?;
        match socket.connect(&self.address()?) {
            Err(error) if !is_in_progress(&error) => Err(error),
            _ => Ok(socket),
        }
    }
}

/// Returns whether a non-blocking connect continues in the background, as it also does after a signal (POSIX
/// `connect`).
fn is_in_progress(error: &io::Error) -> bool {
    #[cfg(unix)]
    return matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR));
    #[cfg(not(unix))]
    return error.kind() == io::ErrorKind::WouldBlock;
}

/// Returns whether a socket whose connecting began has connected.
///
/// # Errors
///
/// [`io::Error`] of the attempt if it has failed.
pub fn is_connected<'s>(socket: impl Into<socket2::SockRef<'s>>) -> io::Result<bool> {
    let socket = socket.into();
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Where the system allows it, several attempts at a time have one local port.
    #[test]
    #[cfg(target_os = "linux")]
    fn attempts_share_a_fixed_local_port() {
        // M3
        let listen = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = |listener: &TcpListener| listener.local_addr().expect("an address");
        let servers = [listen(), listen()];
        let from = address(&listen());
        let clients = servers.each_ref().map(|server| {
            let route = Route::Tcp { to: address(server), from: Some(from) };
            route.connect().expect("the port is shared")
        });
        for (server, client) in servers.iter().zip(clients) {
            assert_eq!(server.accept().expect("a client").1, from);
            drop(client);
        }
    }
}
