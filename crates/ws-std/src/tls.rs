//! TLS, by rustls: a stream that one thread reads while others write.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
};

use crate::Stream;
use crate::link::{is_timeout, retry};

/// The ciphertext that one read takes at most: a TLS record, more or less.
const READ_SIZE: usize = 17 << 10;

/// How a client checks who a server is.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Trusts the certificate authorities that Mozilla does, as they were when this was built.
    #[must_use]
    pub fn new() -> Self {
        Self::trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() })
    }

    /// Trusts the certificates in a PEM file, and no others.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the file cannot be read, or has no certificate that can be trusted.
    pub fn from_pem_file(certificates: impl AsRef<Path>) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in read_certificates(certificates.as_ref())? {
            roots.add(certificate).map_err(invalid)?;
        }
        Ok(Self::trusting(roots))
    }

    fn trusting(roots: RootCertStore) -> Self {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        match builder.with_safe_default_protocol_versions() {
            Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth().into(),
            Err(error) => unreachable!("ring has every version of TLS: {error}"),
        }
    }

    /// Begins TLS on a connected stream, towards the host of that name; nothing is written yet.
    pub(crate) fn connect(&self, tcp: TcpStream, host: &str) -> io::Result<Stream> {
        let name = ServerName::try_from(host.to_owned()).map_err(invalid)?;
        let tls = ClientConnection::new(Arc::clone(&self.config), name).map_err(invalid)?;
        Ok(Stream::tls(TlsStream::new(tcp, tls.into())))
    }
}

impl Default for ClientTls {
    fn default() -> Self {
        Self::new()
    }
}

/// For everything that rustls can do.
impl From<ClientConfig> for ClientTls {
    fn from(config: ClientConfig) -> Self {
        Self { config: Arc::new(config) }
    }
}

/// How a server shows who it is.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// Shows the certificate chain in one PEM file, whose private key is in another.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if a file cannot be read, has nothing of its kind, or the two do not belong
    /// together.
    pub fn from_pem_files(
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> io::Result<Self> {
        let chain = read_certificates(certificates.as_ref())?;
        let key = PrivateKeyDer::from_pem_slice(&read(key.as_ref())?)
            .map_err(|error| in_file(key.as_ref(), &error))?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(invalid)?;
        let config = builder.with_no_client_auth().with_single_cert(chain, key).map_err(invalid)?;
        Ok(config.into())
    }

    /// Begins TLS on a stream that was accepted; nothing is read yet. Hand the result to
    /// [`accept`](crate::accept()) or [`accept_with`](crate::accept_with).
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the configuration is not fit for use.
    pub fn accept(&self, tcp: TcpStream) -> io::Result<Stream> {
        let tls = ServerConnection::new(Arc::clone(&self.config)).map_err(invalid)?;
        Ok(Stream::tls(TlsStream::new(tcp, tls.into())))
    }
}

/// For everything that rustls can do.
impl From<ServerConfig> for ServerTls {
    fn from(config: ServerConfig) -> Self {
        Self { config: Arc::new(config) }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).map_err(|error| in_file(path, &error))
}

fn read_certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let pem = read(path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| in_file(path, &error))?;
    if certificates.is_empty() {
        return Err(in_file(path, &"no certificate"));
    }
    Ok(certificates)
}

fn in_file(path: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{}: {error}", path.display()))
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

/// A TLS connection over TCP. Clones are the same connection; one may read while another writes,
/// because nobody holds the lock of the TLS state while waiting for the socket.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: Arc<TcpStream>,
    tls: Arc<Mutex<Connection>>,
    sending: Arc<Mutex<Sending>>,
    received: Received,
}

/// Ciphertext on its way out.
#[derive(Debug, Default)]
struct Sending {
    bytes: Vec<u8>,
    written: usize,
}

/// Ciphertext that came in and was not decrypted yet.
#[derive(Debug, Default)]
struct Received {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl TlsStream {
    fn new(tcp: TcpStream, tls: Connection) -> Self {
        Self {
            tcp: Arc::new(tcp),
            tls: Arc::new(Mutex::new(tls)),
            sending: Arc::default(),
            received: Received::default(),
        }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Ends the writing side, with the alert that says so, or both sides.
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.lock().send_close_notify();
        if how == Shutdown::Both {
            // The peer may not take it any more, and nobody waits for that.
            self.tcp.set_nonblocking(true)?;
        }
        let _ = self.try_send();
        self.tcp.shutdown(how)
    }

    /// The TLS state is whole between any two calls of it.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends all ciphertext there is.
    fn send(&self) -> io::Result<()> {
        self.send_through(self.sending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends all ciphertext there is, unless another thread is at it.
    fn try_send(&self) -> io::Result<()> {
        match self.sending.try_lock() {
            Ok(sending) => self.send_through(sending),
            Err(TryLockError::Poisoned(sending)) => self.send_through(sending.into_inner()),
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    fn send_through(&self, mut sending: MutexGuard<'_, Sending>) -> io::Result<()> {
        loop {
            while sending.written < sending.bytes.len() {
                let rest = &sending.bytes[sending.written..];
                match retry(|| (&*self.tcp).write(rest))? {
                    0 => return Err(ErrorKind::WriteZero.into()),
                    written => sending.written += written,
                }
            }
            sending.written = 0;
            sending.bytes.clear();
            let mut tls = self.lock();
            if !tls.wants_write() {
                return Ok(());
            }
            tls.write_tls(&mut sending.bytes)?;
        }
    }

    /// Decrypts until there is plaintext, or no ciphertext left.
    fn decrypt(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match tls.reader().read(to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The end, with the alert that says so or without; a WebSocket says it once more.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            let Received { bytes, start, end } = &mut self.received;
            if start == end {
                return Err(ErrorKind::WouldBlock.into());
            }
            *start += tls.read_tls(&mut &bytes[*start..*end])?;
            tls.process_new_packets().map_err(invalid)?;
        }
    }
}

impl Clone for TlsStream {
    /// The same connection, for writing: what was received stays with the one that reads.
    fn clone(&self) -> Self {
        Self {
            tcp: Arc::clone(&self.tcp),
            tls: Arc::clone(&self.tls),
            sending: Arc::clone(&self.sending),
            received: Received::default(),
        }
    }
}

impl Read for TlsStream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            let decrypted = self.decrypt(to);
            // A handshake has its own bytes to send, and a failed one an alert. If they cannot be sent,
            // reading says why.
            let _ = self.try_send();
            match decrypted {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            let Received { bytes, start, end } = &mut self.received;
            bytes.resize(READ_SIZE, 0);
            (*start, *end) = (0, retry(|| (&*self.tcp).read(bytes))?);
            if *end == 0 {
                // Tells rustls that nothing more comes.
                self.lock().read_tls(&mut io::empty())?;
            }
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        // What was taken before leaves first, so that it cannot pile up.
        self.send()?;
        let taken = self.lock().writer().write(from)?;
        // All of it was taken, wherever it is now: what cannot be sent at once is sent by `flush`.
        match self.send() {
            Err(error) if !is_timeout(&error) => Err(error),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
