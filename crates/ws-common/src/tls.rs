//! TLS configuration with rustls.

mod advice;
mod info;
mod pem;
mod pinned;

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use wsproto::url::UrlError;

use crate::adapter::panics::catch;

pub(crate) use advice::{explained, is_tls};
pub use info::TlsInfo;
use pem::{in_file, read_certificates, read_key};
use pinned::PinnedVerifier;

/// The ALPN protocol id of the opening handshake (RFC 7301 section 6), the only one supported.
pub(crate) const HTTP_1_1: &[u8] = b"http/1.1";

/// A client's TLS configuration: the certificates it trusts, and its own certificate if it has one.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Trusts Mozilla's root certificates, as compiled into this crate by `webpki-roots`.
    #[must_use]
    pub fn new() -> Self {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        match Self::builder() {
            Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth().into(),
            Err(error) => unreachable!("ring has every version of TLS: {error}"),
        }
    }

    /// Trusts only the certificates in a PEM file, each both as a certificate authority and as the exact
    /// certificate of a server. The file may contain the root of a private authority, or the certificate
    /// that `openssl req -x509` made for the server. Names and validity dates are always checked: the
    /// server's certificate needs the host of the URL as a subject alternative name
    /// (`-addext subjectAltName=DNS:example.com`).
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the file cannot be read, contains no certificate, or an invalid one.
    pub fn from_pem_file(certificates: impl AsRef<Path>) -> io::Result<Self> {
        let pinned = read_certificates(certificates.as_ref())?;
        let mut roots = RootCertStore::empty();
        for certificate in &pinned {
            roots
                .add(certificate.clone())
                .map_err(|error| in_file(certificates.as_ref(), &error))?;
        }
        let provider = Arc::new(ring::default_provider());
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(invalid)?;
        let verifier = PinnedVerifier::new(webpki, pinned);
        let builder = Self::builder().map_err(invalid)?.dangerous();
        let builder = builder.with_custom_certificate_verifier(Arc::new(verifier));
        Ok(builder.with_no_client_auth().into())
    }

    fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error>
    {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
    }

    /// Creates the client's side of a TLS connection to `host`. For adapters.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if `host` is not a valid name for a certificate.
    pub fn begin(&self, host: &str) -> io::Result<ClientConnection> {
        let name = ServerName::try_from(host.to_owned()).map_err(invalid)?;
        let begun = guarded(|| ClientConnection::new(Arc::clone(&self.config), name));
        let mut tls = begun?.map_err(invalid)?;
        // The request is written before the handshake is done. If rustls refused part of it, the adapter
        // would wait to write and not read the handshake. `adapter::tls::process` restores the limit.
        tls.set_buffer_limit(None);
        Ok(tls)
    }

    /// Checks that `host` is a valid name for a certificate.
    pub(crate) fn check(host: &str) -> Result<(), UrlError> {
        ServerName::try_from(host).map(drop).map_err(|_| UrlError::Host(host.into()))
    }

    /// Returns whether a client certificate is configured.
    pub(crate) fn has_certificate(&self) -> bool {
        self.config.client_auth_cert_resolver.has_certs()
    }
}

impl Default for ClientTls {
    fn default() -> Self {
        Self::new()
    }
}

/// Uses any rustls configuration. If it offers ALPN protocols, they are replaced by `http/1.1`, the only
/// one supported.
impl From<ClientConfig> for ClientTls {
    fn from(mut config: ClientConfig) -> Self {
        only_http_1_1(&mut config.alpn_protocols);
        // `adapter::tls::process` checks the selected protocol, and names it in its error.
        config.check_selected_alpn = false;
        Self { config: Arc::new(config) }
    }
}

/// As from a [`ClientConfig`].
impl From<Arc<ClientConfig>> for ClientTls {
    fn from(config: Arc<ClientConfig>) -> Self {
        Arc::unwrap_or_clone(config).into()
    }
}

fn only_http_1_1(protocols: &mut Vec<Vec<u8>>) {
    if !protocols.is_empty() {
        *protocols = vec![HTTP_1_1.to_vec()];
    }
}

/// A server's TLS configuration: its certificate and private key. Clones share it, so that it can be
/// [replaced](Self::replace) while a server runs.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<RwLock<Arc<ServerConfig>>>,
}

impl ServerTls {
    /// Uses the certificate chain in one PEM file and the private key in another. The server's own
    /// certificate is the first in the chain.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if a file cannot be read, contains no certificate or key, or if the key does not match
    /// the certificate.
    pub fn from_pem_files(
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> io::Result<Self> {
        let chain = read_certificates(certificates.as_ref())?;
        let key = read_key(key.as_ref())?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(invalid)?;
        let config = builder.with_no_client_auth().with_single_cert(chain, key).map_err(invalid)?;
        Ok(config.into())
    }

    /// Replaces the configuration of all clones, for example by that of renewed files: connections that
    /// begin later use it, and others go on.
    ///
    /// ```no_run
    /// use ws_common::{ServerHandle, ServerTls};
    ///
    /// fn renew(server: &ServerHandle) -> std::io::Result<()> {
    ///     if let Some(tls) = &server.options().tls {
    ///         tls.replace(&ServerTls::from_pem_files("cert.pem", "key.pem")?);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn replace(&self, by: &Self) {
        let config = by.current();
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Creates the server's side of a TLS connection. For adapters.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if rustls rejects the configuration.
    pub fn begin(&self) -> io::Result<ServerConnection> {
        guarded(|| ServerConnection::new(self.current()))?.map_err(invalid)
    }

    fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Uses any rustls configuration. If it selects among ALPN protocols, they are replaced by `http/1.1`, the
/// only one supported.
impl From<ServerConfig> for ServerTls {
    fn from(mut config: ServerConfig) -> Self {
        only_http_1_1(&mut config.alpn_protocols);
        Self { config: Arc::new(RwLock::new(Arc::new(config))) }
    }
}

/// As from a [`ServerConfig`].
impl From<Arc<ServerConfig>> for ServerTls {
    fn from(config: Arc<ServerConfig>) -> Self {
        Arc::unwrap_or_clone(config).into()
    }
}

/// Calls rustls, which may call the application: a resolver of certificates, a verifier, a store of sessions, a
/// log of keys. A panic is an error of this connection alone.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> io::Result<T> {
    catch(call).map_err(|_| {
        let panicked = rustls::Error::General("the TLS configuration has panicked".into());
        io::Error::new(ErrorKind::InvalidData, panicked)
    })
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
