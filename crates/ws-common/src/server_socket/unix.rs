//! Binding Unix domain sockets.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::{BACKLOG, ServerSocket};

impl ServerSocket {
    /// Listens on a Unix domain socket at a path. A socket that is there already is replaced if no process
    /// listens on it, as after a crash. Processes that call this at the same time lock the directory one after the
    /// other, so that one of them listens; a directory that cannot be locked within a second is used without. The
    /// file stays when the server ends; its directory decides who may connect. Clients reach it with
    /// [`ConnectTo::Unix`](crate::ConnectTo::Unix).
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the path cannot be bound: of kind [`AddrInUse`](io::ErrorKind::AddrInUse) if a process
    /// listens there, or the file is no socket.
    pub fn bind_unix(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let address = SockAddr::unix(path)?;
        let _locked = lock_directory(path);
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
                match (is_socket(path), probe.connect(&address)) {
                    (Some(true), Err(refused))
                        if refused.kind() == io::ErrorKind::ConnectionRefused =>
                    {
                        std::fs::remove_file(path)?;
                        bind()
                    }
                    // A file that is no socket refuses, too, but must not be removed.
                    (Some(false), _) => {
                        let text = format!("the file {} is no socket", path.display());
                        Err(io::Error::new(error.kind(), text))
                    }
                    _ => Err(error),
                }
            }
            bound => bound,
        }
    }
}

/// How long to wait for the lock of a directory, which another program may hold for ever.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Locks the directory of a socket against other processes that bind there: between the look at a socket and its
/// removal, or between `bind` and `listen`, one could remove the socket of another. Returns `None` if that is not
/// possible.
fn lock_directory(path: &Path) -> Option<File> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = File::open(directory.unwrap_or(Path::new("."))).ok()?;
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match directory.try_lock() {
            Ok(()) => return Some(directory),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(_) => return None,
        }
    }
}

/// Returns whether the file at a path is a socket; `None` if there is none, or it cannot be looked at.
fn is_socket(path: &Path) -> Option<bool> {
    use std::os::unix::fs::FileTypeExt;
    Some(path.symlink_metadata().ok()?.file_type().is_socket())
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    pub(in crate::server_socket) struct Folder(pub(in crate::server_socket) std::path::PathBuf);

    impl Folder {
        pub(in crate::server_socket) fn new(name: &str) -> Self {
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
        let first = ServerSocket::bind_unix(&path).expect("a path");
        assert_eq!(first.to_string(), path.display().to_string());
        let second = ServerSocket::bind_unix(&path).expect_err("it is in use");
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        assert!(UnixStream::connect(&path).is_ok(), "the first goes on");
        drop(first);
        let third = ServerSocket::bind_unix(&path).expect("nobody listens");
        let _client = UnixStream::connect(&path).expect("it listens");
        assert_eq!(third.accept().expect("a client").1, None);
        let file = folder.0.join("file");
        std::fs::write(&file, "precious").expect("written");
        let error = ServerSocket::bind_unix(&file).expect_err("no socket");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().ends_with("file is no socket"), "{error}");
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
        thread::spawn(move || sender.send(ServerSocket::bind_unix(&path).map(drop)));
        let bound = bound.recv_timeout(Duration::from_secs(60)).expect("it does not wait");
        assert_eq!(bound.expect_err("in use").kind(), io::ErrorKind::AddrInUse);
        drop(clients);
    }

    /// Locks belong to open files, so threads stand for processes here.
    #[test]
    fn one_of_several_replaces_a_socket() {
        // M2
        let folder = Folder::new("race");
        for round in 0..200 {
            let path = folder.0.join(round.to_string());
            if round % 2 == 0 {
                drop(ServerSocket::bind_unix(&path).expect("a free path"));
            }
            let start = std::sync::Barrier::new(4);
            let bound: Vec<_> = thread::scope(|scope| {
                let bind = || {
                    start.wait();
                    ServerSocket::bind_unix(&path)
                };
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(bind)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            let (bound, refused): (Vec<_>, Vec<_>) = bound.into_iter().partition(Result::is_ok);
            assert_eq!(bound.len(), 1, "round {round}");
            for error in refused.into_iter().filter_map(Result::err) {
                assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
            }
            assert!(UnixStream::connect(&path).is_ok(), "round {round}");
        }
    }

    /// A program that holds the lock does not hold up a server for ever.
    #[test]
    fn a_locked_directory_is_used_in_the_end() {
        // M2
        let folder = Folder::new("locked");
        let locked = lock_directory(&folder.0.join("x")).expect("a folder");
        assert!(ServerSocket::bind_unix(folder.0.join("socket")).is_ok());
        drop(locked);
    }
}
