//! TLS set-up, by rustls.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

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

    /// Begins TLS towards the host of that name; for adapters.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if that is no name that a certificate can be for.
    pub fn begin(&self, host: &str) -> io::Result<ClientConnection> {
        let name = ServerName::try_from(host.to_owned()).map_err(invalid)?;
        ClientConnection::new(Arc::clone(&self.config), name).map_err(invalid)
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

    /// Begins TLS with a client; for adapters.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the configuration is not fit for use.
    pub fn begin(&self) -> io::Result<ServerConnection> {
        ServerConnection::new(Arc::clone(&self.config)).map_err(invalid)
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
