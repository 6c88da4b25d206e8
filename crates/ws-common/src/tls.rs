//! TLS configuration with rustls.

mod advice;
mod fingerprint;
mod info;
mod pem;
mod pinned;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use wsproto::url::UrlError;

use crate::adapter::panics::catch;

pub(crate) use advice::{explained, is_tls};
use fingerprint::{Fingerprint, FingerprintVerifier};
pub use info::TlsInfo;
use pem::{in_file, read_certificates, read_key};
use pinned::PinnedVerifier;

/// The ALPN protocol id of the opening handshake (RFC 7301 section 6), the only one supported.
pub(crate) const HTTP_1_1: &[u8] = b"http/1.1";

/// A client's TLS configuration: the certificates it trusts, and its own certificate if it has one.
///
/// | trusted | |
/// |---|---|
/// | Mozilla's authorities, as compiled in | [`new`](Self::new), the default |
/// | the authorities of the system | `ClientTls::system`, with the feature `system-roots` |
/// | the certificates in a file, or their authority | [`from_pem_file`](Self::from_pem_file) |
/// | one certificate, by its fingerprint | [`pinned`](Self::pinned) |
///
/// All of them offer `http/1.1` by ALPN (RFC 7301), and accept TLS 1.2 and 1.3. For anything else, convert a
/// [`rustls::ClientConfig`].
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
            Ok(builder) => {
                Self::offering(builder.with_root_certificates(roots).with_no_client_auth())
            }
            Err(error) => unreachable!("ring has every version of TLS: {error}"),
        }
    }

    /// Trusts the certificate authorities of the operating system, as read now: those that an administrator
    /// has added included. If the environment variables `SSL_CERT_FILE` or `SSL_CERT_DIR` are set, those in
    /// that PEM file and folder instead. Certificates that rustls cannot parse are ignored.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of kind [`NotFound`](ErrorKind::NotFound) if there is no certificate; it names what could
    /// not be read.
    #[cfg(feature = "system-roots")]
    pub fn system() -> io::Result<Self> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let mut reason = "the system has no certificate authorities".to_owned();
            for error in found.errors {
                reason.push_str(&format!("; {error}"));
            }
            return Err(io::Error::new(ErrorKind::NotFound, reason));
        }
        let builder = Self::builder().map_err(invalid)?;
        Ok(Self::offering(builder.with_root_certificates(roots).with_no_client_auth()))
    }

    /// Trusts one certificate only, given by its SHA-256 fingerprint: the line that
    /// `openssl x509 -in cert.pem -noout -fingerprint -sha256` prints, or only its 64 hexadecimal digits, with
    /// or without colons. The server must have this certificate's key; names, dates and issuer are not checked.
    /// For devices with a certificate of their own making. The error for another certificate has its
    /// fingerprint.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of kind [`InvalidInput`](ErrorKind::InvalidInput), which contains the text, if it is not
    /// a fingerprint.
    pub fn pinned(fingerprint: &str) -> io::Result<Self> {
        let expected = Fingerprint::parse(fingerprint).ok_or_else(|| {
            let reason = format!("{fingerprint:?} is not a SHA-256 fingerprint of 64 hex digits");
            io::Error::new(ErrorKind::InvalidInput, reason)
        })?;
        let provider = Arc::new(ring::default_provider());
        Self::verifying(Arc::new(FingerprintVerifier::new(expected, provider)))
    }

    /// Shows the server the certificate chain in one PEM file if the server requests one, and signs with the
    /// private key in another. The client's own certificate is the first in the chain. It is not shown to
    /// the target of a redirect to another origin, see
    /// [`Error::ClientCertificate`](crate::Error::ClientCertificate), nor to a proxy.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if a file cannot be read, contains no certificate or key, or if the key does not match
    /// the certificate.
    pub fn client_certificate(
        mut self,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> io::Result<Self> {
        let chain = read_certificates(certificates.as_ref())?;
        let private = read_key(key.as_ref())?;
        let certified = CertifiedKey::from_der(chain, private, &ring::default_provider())
            .map_err(|error| in_file(key.as_ref(), &error))?;
        let config = Arc::make_mut(&mut self.config);
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        Ok(self)
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
        Self::verifying(Arc::new(PinnedVerifier::new(webpki, pinned)))
    }

    fn verifying(verifier: Arc<dyn ServerCertVerifier>) -> io::Result<Self> {
        let builder = Self::builder().map_err(invalid)?.dangerous();
        let builder = builder.with_custom_certificate_verifier(verifier);
        Ok(Self::offering(builder.with_no_client_auth()))
    }

    /// Offers `http/1.1`.
    fn offering(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        config.into()
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

    /// Returns the rustls configuration, for code that begins TLS itself.
    #[must_use]
    pub const fn config(&self) -> &Arc<ClientConfig> {
        &self.config
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
///
/// For anything but a certificate and a key, convert a [`rustls::ServerConfig`]: for example, to accept only
/// clients that show a certificate. Decisions then see it in [`IncomingRequest::tls`](crate::IncomingRequest::tls),
/// and a client shows its own by [`ClientTls::client_certificate`].
///
/// ```no_run
/// use std::sync::Arc;
/// use ws_common::ServerTls;
/// use ws_common::rustls::pki_types::pem::PemObject;
/// use ws_common::rustls::pki_types::{CertificateDer, PrivateKeyDer};
/// use ws_common::rustls::server::WebPkiClientVerifier;
/// use ws_common::rustls::{RootCertStore, ServerConfig};
///
/// fn mutual_tls() -> Result<ServerTls, Box<dyn std::error::Error>> {
///     let mut authorities = RootCertStore::empty();
///     for certificate in CertificateDer::pem_file_iter("clients-ca.pem")? {
///         authorities.add(certificate?)?;
///     }
///     let clients = WebPkiClientVerifier::builder(Arc::new(authorities)).build()?;
///     let chain = CertificateDer::pem_file_iter("cert.pem")?.collect::<Result<_, _>>()?;
///     let key = PrivateKeyDer::from_pem_file("key.pem")?;
///     let config = ServerConfig::builder().with_client_cert_verifier(clients);
///     Ok(config.with_single_cert(chain, key)?.into())
/// }
/// ```
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
        *self.config.write() = config;
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
        Arc::clone(&self.config.read())
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
