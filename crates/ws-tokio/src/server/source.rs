//! The sockets from which a server accepts.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::net::{TcpListener, TcpStream};
use ws_common::ServerSocket;

/// A listener that is registered with the runtime.
pub(crate) enum Source {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Source {
    /// Registers a listener with the current runtime.
    pub(crate) fn register(listener: ServerSocket) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        match listener {
            ServerSocket::Tcp(listener) => TcpListener::from_std(listener).map(Self::Tcp),
            #[cfg(unix)]
            ServerSocket::Unix(listener) => UnixListener::from_std(listener).map(Self::Unix),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Accepts a client, with its address. A Unix domain socket has none, and moves bytes as one of TCP does: only
    /// options of TCP fail on it.
    pub(crate) fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, Option<SocketAddr>)>> {
        match self {
            Self::Tcp(listener) => {
                listener.poll_accept(context).map_ok(|(tcp, peer)| (tcp, Some(peer)))
            }
            #[cfg(unix)]
            Self::Unix(listener) => listener.poll_accept(context).map(|accepted| {
                let fd = OwnedFd::from(accepted?.0.into_std()?);
                Ok((TcpStream::from_std(fd.into())?, None))
            }),
        }
    }
}
