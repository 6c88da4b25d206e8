//! The sockets on which a server listens.

#[cfg(unix)]
use std::net::Shutdown;
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::fd::OwnedFd;
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use std::{fmt, io};

use crate::adapter::logging::info;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::adapter::Acceptor;

/// The maximum number of connections in a listener's accept queue.
pub(crate) const BACKLOG: i32 = 4096;

/// The socket on which a server listens.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listener {
    /// A TCP socket.
    Tcp(TcpListener),
    /// A Unix domain socket. Its clients have no addresses.
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    /// Listens on a Unix domain socket at a path. A socket that is there already is replaced if no process
    /// listens on it, as after a crash. The file stays when the server ends; its directory decides who may
    /// connect. Clients reach it with [`ConnectTo::Unix`](crate::ConnectTo::Unix).
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the path cannot be bound: of kind [`AddrInUse`](io::ErrorKind::AddrInUse) if a process
    /// listens there, or the file is no socket.
    #[cfg(unix)]
    pub fn bind_unix(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let address = SockAddr::unix(path)?;
        let bind = || -> io::Result<Self> {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.bind(&address)?;
            socket.listen(BACKLOG)?;
            Ok(Self::Unix(socket.into()))
        };
        match bind() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                // A process whose backlog is full listens, too: it must not be waited for.
                probe.set_nonblocking(true)?;
                match probe.connect(&address) {
                    // A file that is no socket refuses, too, but must not be removed.
                    Err(refused)
                        if refused.kind() == io::ErrorKind::ConnectionRefused
                            && is_socket(path) =>
                    {
                        std::fs::remove_file(path)?;
                        bind()
                    }
                    _ => Err(error),
                }
            }
            bound => bound,
        }
    }

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

/// Wakes the threads that wait in [`Listener::accept`].
#[derive(Debug)]
pub struct ListenerWaker(Vec<(Mutex<Option<Listener>>, io::Result<SockAddr>)>);

impl ListenerWaker {
    /// Creates the waker of the threads of some listeners. It keeps a descriptor of each in reserve.
    #[must_use]
    pub fn new(listeners: &[Listener]) -> Self {
        let waker = |listener: &Listener| {
            let reserved = Mutex::new(listener.try_clone().ok());
            (reserved, listener.socket().local_addr().map(reachable))
        };
        Self(listeners.iter().map(waker).collect())
    }

    /// Wakes a thread of each listener: by a connection, whose descriptor is in reserve, and if the socket
    /// can be shut down also without one.
    pub fn wake(&self) {
        for (reserved, address) in &self.0 {
            let reserved = reserved.lock().unwrap_or_else(PoisonError::into_inner).take();
            #[cfg(unix)]
            if let Some(listener @ Listener::Unix(_)) = &reserved {
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

#[cfg(unix)]
fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_socket())
}

/// Writes the address, or the path of a Unix domain socket, as logs name it.
impl fmt::Display for Listener {
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

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ws-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).expect("a folder");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).expect("it is there");
        }
    }

    #[test]
    fn a_socket_that_nobody_listens_on_is_replaced() {
        // M2
        let folder = Folder::new("replaced");
        let path = folder.0.join("socket");
        let first = Listener::bind_unix(&path).expect("a path");
        assert_eq!(first.to_string(), path.display().to_string());
        let second = Listener::bind_unix(&path).expect_err("it is in use");
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        assert!(UnixStream::connect(&path).is_ok(), "the first goes on");
        drop(first);
        let third = Listener::bind_unix(&path).expect("nobody listens");
        let _client = UnixStream::connect(&path).expect("it listens");
        assert_eq!(third.accept().expect("a client").1, None);
        let file = folder.0.join("file");
        std::fs::write(&file, "precious").expect("written");
        assert!(Listener::bind_unix(&file).is_err());
        assert_eq!(std::fs::read(&file).expect("it is there"), b"precious");
    }

    #[test]
    fn a_listener_that_accepts_nobody_is_in_use() {
        // M2
        let folder = Folder::new("full");
        let path = folder.0.join("socket");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        let address = SockAddr::unix(&path).expect("a path");
        socket.bind(&address).expect("a free path");
        socket.listen(0).expect("bound");
        // Fill its backlog.
        let full = || {
            let client = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
            client.set_nonblocking(true).expect("a socket");
            client.connect(&address).map(|()| client)
        };
        let clients: Vec<_> = std::iter::from_fn(|| full().ok()).take(100).collect();
        let (sender, bound) = std::sync::mpsc::channel();
        thread::spawn(move || sender.send(Listener::bind_unix(&path).map(drop)));
        let bound = bound.recv_timeout(Duration::from_secs(60)).expect("it does not wait");
        assert_eq!(bound.expect_err("in use").kind(), io::ErrorKind::AddrInUse);
        drop(clients);
    }

    #[test]
    fn a_thread_that_accepts_is_woken() {
        let folder = Folder::new("woken");
        let unix = Listener::bind_unix(folder.0.join("socket")).expect("a path");
        let lost = Listener::bind_unix(folder.0.join("lost")).expect("a path");
        std::fs::remove_file(folder.0.join("lost")).expect("it is there");
        let tcp = TcpListener::bind("0.0.0.0:0").expect("a free port").into();
        for listener in [unix, lost, tcp] {
            // One that cannot be reached any more is woken where a listener can be shut down.
            let reachable = !matches!(&listener, Listener::Unix(unix) if
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
}
