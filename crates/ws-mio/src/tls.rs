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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::thread;

    use rustls::crypto::ring;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{RootCertStore, ServerConfig, ServerConnection};

    use super::*;

    #[test]
    fn ciphertext_without_plaintext_is_read_in_parts() -> io::Result<()> {
        // L6a
        // As many as rustls takes when they come in records that do not end where they do.
        const TICKETS: usize = 250;
        let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a certificate");
        let provider = Arc::new(ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a key");
        server.ticketer = ring::Ticketer::new().expect("a ticketer");
        server.send_tls13_tickets = TICKETS;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let flood = thread::spawn(move || -> io::Result<()> {
            let (mut tcp, _) = listener.accept()?;
            let mut tls = ServerConnection::new(Arc::new(server)).expect("a configuration");
            while tls.is_handshaking() || tls.wants_write() {
                tls.complete_io(&mut tcp)?;
            }
            tls.writer().write_all(b"Hello")?;
            tls.complete_io(&mut tcp).map(drop)
        });
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = ws_common::ClientTls::from(client).begin("localhost")?;
        let tcp = std::net::TcpStream::connect(address)?;
        tcp.set_nonblocking(true)?;
        let mut stream = TlsStream::new(TcpStream::from_std(tcp), client.into());
        let mut plaintext = [0; 100];
        stream.flush()?;
        while stream.tls.is_handshaking() {
            let read = stream.read(&mut plaintext).map(drop);
            assert!(read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
            thread::yield_now();
        }
        // Now the tickets are sent, and all of them are there.
        flood.join().expect("no panic")?;
        let mut parts = 0;
        let read = loop {
            match stream.read(&mut plaintext) {
                Ok(read) => break read,
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                Err(_) if stream.has_more() => parts += 1,
                Err(_) => thread::yield_now(),
            }
        };
        assert_eq!(&plaintext[..read], b"Hello");
        // A ticket has more than 200 bytes, a read takes 4 KiB.
        assert!(parts >= TICKETS * 200 / (READS * 4096) - 1, "{parts} parts");
        Ok(())
    }
}
