//! TLS over a non-blocking TCP connection, with rustls.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use ws_common::TlsInfo;
use ws_common::adapter::tls::TlsState;
use ws_common::adapter::tune;

use crate::readiness::EDGES;
use crate::vectored::send_vectored;

/// A TLS connection over TCP. Reads and writes drive its handshake.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: TcpStream,
    tls: TlsState,
    /// Whether another read may succeed without another event.
    has_more: bool,
}

impl TlsStream {
    pub(crate) fn new(tcp: TcpStream, tls: TlsState) -> Self {
        tune(&tcp);
        Self { tcp, tls, has_more: false }
    }

    pub(crate) const fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(crate) const fn tcp_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    pub(crate) fn info(&self) -> TlsInfo {
        self.tls.info()
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Returns whether another read may succeed without another event.
    pub(crate) const fn may_read_more(&self) -> bool {
        self.has_more
    }

    /// Writes as [`Transport::try_write`](ws_common::adapter::Transport::try_write) does.
    pub(crate) fn try_write(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        self.tls.try_write(from, &mut Quiet(&self.tcp))
    }

    /// Writes pending ciphertext.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.tls.flush(&mut Quiet(&self.tcp))
    }

    /// Shuts down the writing side, after a `close_notify` alert.
    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        // If the socket does not take the alert, the peer sees only the end of the stream.
        let _ = self.tls.close(&mut Quiet(&self.tcp));
        self.tcp.shutdown(Shutdown::Write)
    }
}

impl Read for TlsStream {
    /// Reads plaintext, from a bounded amount of ciphertext. Fails with `WouldBlock` if that has none;
    /// [`may_read_more`](Self::may_read_more) then tells whether to read again without an event.
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let tcp = &self.tcp;
        // Fails if the peer is gone.
        let shut_down = || drop(tcp.shutdown(Shutdown::Write));
        let read = self.tls.read_from(to, &mut &*tcp, &mut Quiet(tcp), shut_down);
        self.has_more = match read {
            Ok(None) => true,
            Ok(Some(_)) => !EDGES || self.tls.has_more(),
            Err(_) => false,
        };
        read?.ok_or_else(|| ErrorKind::WouldBlock.into())
    }
}

/// A socket whose writes cause no `SIGPIPE`, for vectored writes of several TLS records.
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
        // L6
        // About as many as rustls accepts when tickets span records.
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
        let mut stream = TlsStream::new(TcpStream::from_std(tcp), TlsState::new(client.into()));
        let mut plaintext = [0; 100];
        stream.flush()?;
        while stream.tls.is_handshaking() {
            let read = stream.read(&mut plaintext).map(drop);
            assert!(read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
            thread::yield_now();
        }
        // Now all tickets are sent and have arrived.
        flood.join().expect("no panic")?;
        let mut parts = 0;
        let read = loop {
            match stream.read(&mut plaintext) {
                Ok(read) => break read,
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                Err(_) if stream.may_read_more() => parts += 1,
                Err(_) => thread::yield_now(),
            }
        };
        assert_eq!(&plaintext[..read], b"Hello");
        // A ticket has more than 200 bytes, a part takes at most four reads of 4 KiB.
        assert!(parts >= TICKETS * 200 / (4 * 4096) - 1, "{parts} parts");
        Ok(())
    }
}
