//! The network of an adapter, for hand-written peers: clients and servers that break rules.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::SockRef;

/// The network of an adapter.
pub trait Network {
    /// A raw connection.
    type Stream: RawStream;
    /// A raw listener.
    type Listener: Send + 'static;

    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// If there is no listener at the address.
    fn connect(address: SocketAddr) -> io::Result<Self::Stream>;

    /// Listens on a free address.
    ///
    /// # Errors
    ///
    /// If there is no free address.
    fn listen() -> io::Result<(Self::Listener, SocketAddr)>;

    /// Waits for a client.
    ///
    /// # Errors
    ///
    /// If accepting fails.
    fn accept(listener: &Self::Listener) -> io::Result<Self::Stream>;
}

/// A raw connection with blocking reads and writes.
pub trait RawStream: Read + Write + Send + 'static {
    /// Limits how long a read waits.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    fn limit_reading(&mut self, limit: Duration) -> io::Result<()>;

    /// Shuts down the writing side.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    fn end_writing(&mut self) -> io::Result<()>;

    /// Ends the connection with a reset.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    fn reset(self) -> io::Result<()>;
}

/// TCP on this host.
#[derive(Debug)]
pub enum Tcp {}

impl Network for Tcp {
    type Stream = TcpStream;
    type Listener = TcpListener;

    fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address)
    }

    fn listen() -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
        listener.accept().map(|(stream, _)| stream)
    }
}

impl RawStream for TcpStream {
    fn limit_reading(&mut self, limit: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(limit))
    }

    fn end_writing(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn reset(self) -> io::Result<()> {
        SockRef::from(&self).set_linger(Some(Duration::ZERO))
    }
}
