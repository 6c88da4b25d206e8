//! The sockets on which a server listens.

#[cfg(unix)]
mod unix;

#[cfg(unix)]
use std::net::Shutdown;
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::fd::OwnedFd;
#[cfg(unix)]
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use std::{fmt, io};

use parking_lot::Mutex;
use socket2::{SockAddr, SockRef, Socket, Type};

use crate::adapter::Acceptor;
use crate::adapter::logging::info;

/// The maximum number of connections in a listener's accept queue.
pub(crate) const BACKLOG: i32 = 4096;

/// The socket on which a server listens.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerSocket {
    /// A TCP socket.
    Tcp(TcpListener),
    /// A Unix domain socket. Its clients have no addresses.
    #[cfg(unix)]
    Unix(UnixListener),
}

impl ServerSocket {
    /// Returns the address; `None` for a Unix domain socket.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system does not report it.
    pub fn local_addr(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Some),
            #[cfg(unix)]
            Self::Unix(_) => Ok(None),
        }
    }

    /// Accepts a connection, with the address of its peer. That of a Unix domain socket has no addresses,
    /// and is a [`TcpStream`] all the same: only options of TCP fail on it.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of the operating system.
    pub fn accept(&self) -> io::Result<(TcpStream, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => listener.accept().map(|(tcp, peer)| (tcp, Some(peer))),
            #[cfg(unix)]
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                Ok((OwnedFd::from(stream).into(), None))
            }
        }
    }

    /// Accepts connections in this thread until the server is told to end, and begins each with `begin`.
    /// Pauses after failures of either, and reports them.
    pub fn accept_until_end(
        &self,
        acceptor: &Acceptor,
        begin: impl Fn(TcpStream, Option<SocketAddr>) -> io::Result<()>,
    ) {
        let server = acceptor.server();
        info!("accepting at {self}");
        // The caller's listener may be non-blocking.
        if let Err(error) = self.set_nonblocking(false) {
            acceptor.report_pause(error);
        }
        while !server.is_ending() {
            let accepted = self.accept();
            if server.is_ending() {
                break;
            }
            match accepted.and_then(|(tcp, peer)| begin(tcp, peer)) {
                Err(error) if !Acceptor::is_about_one_client(&error) => {
                    acceptor.report_pause(error);
                    thread::sleep(Acceptor::PAUSE);
                }
                _ => {}
            }
        }
    }

    /// Sets whether accepting waits for a client.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of the operating system.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.set_nonblocking(nonblocking),
            #[cfg(unix)]
            Self::Unix(listener) => listener.set_nonblocking(nonblocking),
        }
    }

    /// Returns another handle of the same socket.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the process has no descriptor left.
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(listener) => listener.try_clone().map(Self::Tcp),
            #[cfg(unix)]
            Self::Unix(listener) => listener.try_clone().map(Self::Unix),
        }
    }

    fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(listener) => listener.into(),
            #[cfg(unix)]
            Self::Unix(listener) => listener.into(),
        }
    }
}

/// Wakes the threads that wait in [`ServerSocket::accept`].
#[derive(Debug)]
pub struct ListenerWaker {
    listeners: Vec<(Mutex<Option<ServerSocket>>, io::Result<SockAddr>)>,
    woken: AtomicBool,
}

impl ListenerWaker {
    /// Creates the waker of the threads of some listeners. It keeps a descriptor of each in reserve.
    #[must_use]
    pub fn new(listeners: &[ServerSocket]) -> Self {
        let waker = |listener: &ServerSocket| {
            let reserved = Mutex::new(listener.try_clone().ok());
            (reserved, listener.socket().local_addr().map(reachable))
        };
        Self { listeners: listeners.iter().map(waker).collect(), woken: AtomicBool::new(false) }
    }

    /// Wakes a thread of each listener: by a connection, whose descriptor is in reserve, and if the socket
    /// can be shut down also without one. Later calls have no effect: the threads are awake, and the port may be
    /// another server's by then.
    pub fn wake(&self) {
        if self.woken.swap(true, Ordering::SeqCst) {
            return;
        }
        for (reserved, address) in &self.listeners {
            let reserved = reserved.lock().take();
            #[cfg(unix)]
            if let Some(listener @ ServerSocket::Unix(_)) = &reserved {
                // The file of the socket may be gone. Some systems refuse to shut down a listener.
                let _ = listener.socket().shutdown(Shutdown::Both);
            }
            drop(reserved);
            // If the connect fails because the queue is full, the thread is awake.
            let _ = address.as_ref().map(|address| {
                let socket = Socket::new(address.domain(), Type::STREAM, None)?;
                socket.connect_timeout(address, WAKE_PATIENCE)
            });
        }
    }
}

/// The time limit of the connect that wakes a thread.
const WAKE_PATIENCE: Duration = Duration::from_millis(250);

/// Returns an address that reaches a listener at `address`: loopback if that is unspecified.
fn reachable(address: SockAddr) -> SockAddr {
    match address.as_socket() {
        Some(mut known) if known.ip().is_unspecified() => {
            known.set_ip(match known {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
            known.into()
        }
        _ => address,
    }
}

/// Writes the address, or the path of a Unix domain socket, as logs name it.
impl fmt::Display for ServerSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.fmt(f),
                Err(_) => f.write_str("an unknown address"),
            },
            #[cfg(unix)]
            Self::Unix(listener) => {
                let address = listener.local_addr().ok();
                match address.as_ref().and_then(|address| address.as_pathname()) {
                    Some(path) => path.display().fmt(f),
                    None => f.write_str("a Unix domain socket without a path"),
                }
            }
        }
    }
}

impl From<TcpListener> for ServerSocket {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

#[cfg(unix)]
impl From<UnixListener> for ServerSocket {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::unix::tests::Folder;
    use super::*;

    #[test]
    fn a_thread_that_accepts_is_woken() {
        let folder = Folder::new("woken");
        let unix = ServerSocket::bind_unix(folder.0.join("socket")).expect("a path");
        let lost = ServerSocket::bind_unix(folder.0.join("lost")).expect("a path");
        std::fs::remove_file(folder.0.join("lost")).expect("it is there");
        let tcp = TcpListener::bind("0.0.0.0:0").expect("a free port").into();
        for listener in [unix, lost, tcp] {
            // One that cannot be reached any more is woken where a listener can be shut down.
            let reachable = !matches!(&listener, ServerSocket::Unix(unix) if
                unix.local_addr().is_ok_and(|at| at.as_pathname().is_some_and(|at| !at.exists())));
            if !reachable && !cfg!(target_os = "linux") {
                continue;
            }
            let waker = ListenerWaker::new(std::slice::from_ref(&listener));
            let thread = thread::spawn(move || drop(listener.accept()));
            waker.wake();
            thread.join().expect("no panic");
        }
    }

    /// A timer of a server that is ending wakes it, too, and its port may be another server's by then.
    #[test]
    fn a_listener_is_woken_once() {
        let listener = ServerSocket::Tcp(TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let waker = ListenerWaker::new(std::slice::from_ref(&listener));
        let address = listener.local_addr().expect("a socket").expect("an address");
        waker.wake();
        assert!(listener.accept().is_ok());
        drop(listener);
        let other = TcpListener::bind(address).expect("the port is free");
        waker.wake();
        other.set_nonblocking(true).expect("a socket");
        assert_eq!(other.accept().expect_err("nobody").kind(), io::ErrorKind::WouldBlock);
    }
}
