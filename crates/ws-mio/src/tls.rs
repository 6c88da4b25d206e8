//! TLS, by rustls, over a stream that does not block.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use rustls::Connection;

/// A TLS connection over TCP. Reading and writing drive its handshake.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: TcpStream,
    tls: Connection,
}

impl TlsStream {
    pub(crate) const fn new(tcp: TcpStream, tls: Connection) -> Self {
        Self { tcp, tls }
    }

    pub(crate) const fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(crate) const fn tcp_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    /// Ends the writing side, with the alert that says so.
    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        self.tls.send_close_notify();
        // If the peer does not take it, the end of TCP must do.
        let _ = self.flush();
        self.tcp.shutdown(Shutdown::Write)
    }
}

impl Read for TlsStream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The end, with the alert that says so or without; a WebSocket says it once more.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            self.tls.read_tls(&mut self.tcp)?;
            let processed = self.tls.process_new_packets();
            // A handshake has its own bytes to send, and a failed one an alert. If they cannot be sent,
            // reading says why.
            let _ = self.flush();
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(from)])
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        // What was encrypted before leaves first, so that it cannot pile up.
        self.flush()?;
        let taken = self.tls.writer().write_vectored(from)?;
        match self.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            // In the handshake, nothing is taken beyond what rustls keeps.
            _ if taken == 0 => Err(ErrorKind::WouldBlock.into()),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            if self.tls.write_tls(&mut self.tcp)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}
