//! TLS, by rustls, over a non-blocking TCP connection.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;
use std::net::Shutdown;

use mio::net::TcpStream;
use rustls::Connection;
use socket2::SockRef;
use ws_common::adapter::tls::process;
use ws_common::adapter::tune;

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
    /// How many bytes were encrypted of which the ciphertext has not left yet.
    taken: usize,
    /// Whether the last read has stopped before it had read everything.
    has_more: bool,
}

impl TlsStream {
    pub(crate) fn new(tcp: TcpStream, tls: Connection) -> Self {
        tune(&tcp);
        Self { tcp, tls, taken: 0, has_more: false }
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
        succeeded || self.has_more
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

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Quiet(&self.tcp)) {
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
    /// Takes plaintext, or a bounded amount of ciphertext; without plaintext in it, that is `WouldBlock`,
    /// and [`may_read_more`](Self::may_read_more) tells whether to come back without an event.
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

/// Writes several slices at once. No signal comes of it if the peer is gone (SIGPIPE), as it would of
/// `writev`, which knows no flags.
fn send_vectored(tcp: &TcpStream, from: &[IoSlice<'_>]) -> io::Result<usize> {
    match NO_SIGNAL {
        Some(flags) => tcp.try_io(|| SockRef::from(tcp).send_vectored_with_flags(from, flags)),
        // One after the other: plain writes are sent without a signal everywhere.
        None => {
            let first = from.iter().find(|slice| !slice.is_empty());
            (&mut &*tcp).write(first.map_or(&[], |slice| slice))
        }
    }
}

/// How to send without a signal; `None` where that is not known.
const NO_SIGNAL: Option<i32> = {
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
        target_os = "illumos",
        target_os = "solaris",
    ))]
    {
        Some(libc::MSG_NOSIGNAL)
    }
    // There are no signals.
    #[cfg(windows)]
    {
        Some(0)
    }
    #[cfg(not(any(
        windows,
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
        target_os = "illumos",
        target_os = "solaris",
    )))]
    {
        None
    }
};

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
                Err(_) if stream.may_read_more(false) => parts += 1,
                Err(_) => thread::yield_now(),
            }
        };
        assert_eq!(&plaintext[..read], b"Hello");
        // A ticket has more than 200 bytes, a read takes 4 KiB.
        assert!(parts >= TICKETS * 200 / (READS * 4096) - 1, "{parts} parts");
        Ok(())
    }
}
