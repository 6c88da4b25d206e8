//! TLS set-up, by rustls.

mod advice;
mod pem;
mod pinned;

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use wsproto::url::UrlError;

pub(crate) use advice::{explained, is_tls};
use pem::{in_file, read_certificates, read_key};
use pinned::PinnedVerifier;

/// The protocol of the opening handshake (RFC 7301 section 6), and the only one that is spoken here.
pub(crate) const HTTP_1_1: &[u8] = b"http/1.1";

/// How a client checks that a server is the one of the URL.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Trusts the certificate authorities that Mozilla does, as they were when this was built.
    #[must_use]
    pub fn new() -> Self {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        match Self::builder() {
            Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth().into(),
            Err(error) => unreachable!("ring has every version of TLS: {error}"),
        }
    }

    /// Trusts the certificates in a PEM file, and no others: as authorities that have issued a server's
    /// certificate, and each for the server that shows exactly this certificate. So the file may be that of
    /// a private authority, or what `openssl req -x509` made for the server. Names and dates are checked in
    /// any case, so the certificate of the server must have the host of the URL as its subject alternative
    /// name (`-addext subjectAltName=DNS:example.com`).
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the file cannot be read, or has no certificate that can be trusted.
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

    /// Begins TLS towards the host of that name; for adapters.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if that is no name that a certificate can be for.
    pub fn begin(&self, host: &str) -> io::Result<ClientConnection> {
        let name = ServerName::try_from(host.to_owned()).map_err(invalid)?;
        let mut tls = ClientConnection::new(Arc::clone(&self.config), name).map_err(invalid)?;
        // The request is written before the handshake is done, and must not wait outside: nobody would
        // read meanwhile. `adapter::tls::process` sets the usual limit.
        tls.set_buffer_limit(None);
        Ok(tls)
    }

    /// Checks that a certificate can be for a host.
    pub(crate) fn check(host: &str) -> Result<(), UrlError> {
        ServerName::try_from(host).map(drop).map_err(|_| UrlError::Host(host.into()))
    }

    /// Whether there is a certificate to show to a server that asks for one.
    pub(crate) fn has_certificate(&self) -> bool {
        self.config.client_auth_cert_resolver.has_certs()
    }
}

impl Default for ClientTls {
    fn default() -> Self {
        Self::new()
    }
}

/// For everything that rustls can do. If the configuration offers application protocols, `http/1.1`
/// alone is offered: another one would be another protocol.
impl From<ClientConfig> for ClientTls {
    fn from(mut config: ClientConfig) -> Self {
        only_http_1_1(&mut config.alpn_protocols);
        // `adapter::tls::process` checks it, and names it.
        config.check_selected_alpn = false;
        Self { config: Arc::new(config) }
    }
}

/// As from the configuration itself.
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

/// How a server proves that it is the one of the URL.
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
        let key = read_key(key.as_ref())?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(invalid)?;
        let config = builder.with_no_client_auth().with_single_cert(chain, key).map_err(invalid)?;
        Ok(config.into())
    }

    /// Begins TLS with a client; for adapters.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the configuration is not fit for use.
    pub fn begin(&self) -> io::Result<ServerConnection> {
        ServerConnection::new(Arc::clone(&self.config)).map_err(invalid)
    }
}

/// For everything that rustls can do. If the configuration selects among application protocols,
/// `http/1.1` alone is selected: another one would be another protocol.
impl From<ServerConfig> for ServerTls {
    fn from(mut config: ServerConfig) -> Self {
        only_http_1_1(&mut config.alpn_protocols);
        Self { config: Arc::new(config) }
    }
}

/// As from the configuration itself.
impl From<Arc<ServerConfig>> for ServerTls {
    fn from(config: Arc<ServerConfig>) -> Self {
        Arc::unwrap_or_clone(config).into()
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
