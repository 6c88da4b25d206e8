//! The stream of a connection: TCP or a Unix domain socket, with or without TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ws_std::rustls::{ClientConnection, StreamOwned};

/// The socket of a connection.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// The stream of a connection.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Stream {
    /// Completes the handshake of TLS. `patience` is the limit for each read and write.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of the socket or of TLS; `TimedOut` if the server is late.
    pub(super) fn with_tls(
        mut socket: Socket,
        mut tls: ClientConnection,
        patience: Duration,
    ) -> io::Result<Self> {
        socket.limit(patience)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).map_err(late)?;
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(tls, socket))))
    }

    /// Sets the time limit of each read and write.
    pub(super) fn limit(&self, time: Duration) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.limit(time),
            Self::Tls(tls) => tls.sock.limit(time),
        }
    }

    /// Ends both directions.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.end(),
            Self::Tls(tls) => {
                tls.conn.send_close_notify();
                tls.flush().and_then(|()| tls.sock.end())
            }
        }
    }
}

impl Socket {
    fn limit(&self, time: Duration) -> io::Result<()> {
        let time = Some(time.max(Duration::from_millis(1)));
        match self {
            Self::Tcp(tcp) => tcp.set_read_timeout(time).and_then(|()| tcp.set_write_timeout(time)),
            #[cfg(unix)]
            Self::Unix(unix) => {
                unix.set_read_timeout(time).and_then(|()| unix.set_write_timeout(time))
            }
        }
    }

    fn end(&self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.shutdown(Shutdown::Both),
            #[cfg(unix)]
            Self::Unix(unix) => unix.shutdown(Shutdown::Both),
        }
    }
}

/// A socket's timeout is `WouldBlock` on some systems.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Read for Socket {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read(to),
            #[cfg(unix)]
            Self::Unix(unix) => unix.read(to),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.write(bytes),
            #[cfg(unix)]
            Self::Unix(unix) => unix.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.flush(),
            #[cfg(unix)]
            Self::Unix(unix) => unix.flush(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(to),
            Self::Tls(tls) => tls.read(to),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
