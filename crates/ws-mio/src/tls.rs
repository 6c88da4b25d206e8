//! TLS, by rustls, over a stream that does not block.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use rustls::Connection;
use ws_common::adapter::tls::process;

use crate::stream::send_vectored;

/// How many reads of ciphertext one read makes at most: 4 KiB each, or what is missing of a message of the
/// TLS handshake. One more round of the loop costs as much as it takes to decrypt these.
const READS: usize = 4;

/// How much ciphertext behind an error is read and dropped, so that no reset overtakes the alert.
const DRAIN: usize = 1 << 20;

/// A TLS connection over TCP. Reading and writing drive its handshake.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: TcpStream,
    tls: Connection,
    /// Whether the last read has stopped before it had read everything.
    has_more: bool,
}

impl TlsStream {
    pub(crate) const fn new(tcp: TcpStream, tls: Connection) -> Self {
        Self { tcp, tls, has_more: false }
    }

    pub(crate) const fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(crate) const fn tcp_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    pub(crate) const fn has_more(&self) -> bool {
        self.has_more
    }

    /// Ends the writing side, with the alert that says so.
    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        self.tls.send_close_notify();
        // If the peer does not take it, the end of TCP must do.
        let _ = self.flush();
        self.tcp.shutdown(Shutdown::Write)
    }

    /// Lets the alert behind an error arrive: a socket that is closed with unread input resets the
    /// connection, and the peer then drops what it has not read either.
    fn drain(&mut self) {
        // Whatever goes wrong here, the error says more.
        let _ = self.tcp.shutdown(Shutdown::Write);
        let (mut buffer, mut drained) = ([0; 16 << 10], 0);
        while drained < DRAIN {
            match self.tcp.read(&mut buffer) {
                Ok(read @ 1..) => drained += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
    }
}

impl Read for TlsStream {
    /// Takes plaintext, or a bounded amount of ciphertext; without plaintext in it, that is `WouldBlock`,
    /// and [`has_more`](Self::has_more) tells whether to come back without an event.
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.has_more = false;
        for reads in 0.. {
            match self.tls.reader().read(to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The end, with the alert that says so or without; a WebSocket says it once more.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            if reads == READS {
                break;
            }
            self.tls.read_tls(&mut self.tcp)?;
            let processed = process(&mut self.tls);
            // A handshake has its own bytes to send, and a failed one an alert. If they cannot be sent,
            // reading says why.
            let _ = self.flush();
            if processed.is_err() {
                self.drain();
            }
            processed?;
        }
        self.has_more = true;
        Err(ErrorKind::WouldBlock.into())
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
            // In a server's handshake, nothing is taken beyond what rustls keeps.
            _ if taken == 0 => Err(ErrorKind::WouldBlock.into()),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            if self.tls.write_tls(&mut Quiet(&self.tcp))? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

/// A socket that is written to without signals: rustls writes several records at once.
struct Quiet<'a>(&'a TcpStream);

impl Write for Quiet<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.write(from)
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        send_vectored(self.0, from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
