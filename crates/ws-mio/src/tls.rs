//! TLS, by rustls, over a non-blocking TCP connection.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::Shutdown;

use mio::net::TcpStream;
use rustls::Connection;

/// A TLS connection over TCP. Reading and writing drive its handshake.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: TcpStream,
    tls: Connection,
    /// How many bytes were encrypted of which the ciphertext has not left yet.
    taken: usize,
}

impl TlsStream {
    pub(crate) fn new(tcp: TcpStream, tls: Connection) -> Self {
        // Messages are written whole; waiting for more only delays them.
        let _ = tcp.set_nodelay(true);
        Self { tcp, tls, taken: 0 }
    }

    pub(crate) const fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(crate) const fn tcp_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Whether there may be more to read, without another event; after a read that succeeded or not.
    pub(crate) const fn may_read_more(&self, succeeded: bool) -> bool {
        succeeded
    }

    /// Writes as [`Transport::try_write`](ws_common::adapter::Transport::try_write) does: bytes count as
    /// written once their ciphertext has left.
    pub(crate) fn try_write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.flush()?;
        if self.taken == 0 {
            self.taken = self.tls.writer().write(from)?;
            if self.taken == 0 {
                // rustls keeps so much before the handshake is done, and no more.
                return Err(ErrorKind::WouldBlock.into());
            }
            self.flush()?;
        }
        Ok(mem::take(&mut self.taken))
    }

    /// Ends the writing side, with the alert that says so.
    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        self.tls.send_close_notify();
        // If the peer does not take it, the end of TCP must do.
        let _ = self.flush();
        self.tcp.shutdown(Shutdown::Write)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.tcp) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                written => {
                    written?;
                }
            }
        }
        Ok(())
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
