//! TLS for the load: a certificate made for the occasion, and connections of which the load knows the keys.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs, process};

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{self, cipher_suite::TLS13_AES_128_GCM_SHA256};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::client::{Client, dial};
use super::sealed::{Line, Sealed};

/// The name in the certificate.
const NAME: &str = "localhost";

/// A certificate for servers, in files that are removed in the end, and the configuration of clients that trust it. They
/// speak only TLS 1.3 with `TLS_AES_128_GCM_SHA256`, so that all servers do the same work.
#[derive(Debug)]
pub struct Tls {
    config: Arc<ClientConfig>,
    folder: PathBuf,
}

/// A connection through rustls.
pub type TlsClient = Client<StreamOwned<ClientConnection, std::net::TcpStream>>;

impl Tls {
    /// Makes them.
    ///
    /// # Errors
    ///
    /// If the files cannot be written.
    pub fn new() -> io::Result<Self> {
        let made =
            rcgen::generate_simple_self_signed([NAME.to_owned()]).map_err(io::Error::other)?;
        let folder = env::temp_dir().join(format!("peers-{}", process::id()));
        fs::create_dir_all(&folder)?;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).map_err(io::Error::other)?;
        let provider = CryptoProvider {
            cipher_suites: vec![TLS13_AES_128_GCM_SHA256],
            ..ring::default_provider()
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.enable_secret_extraction = true;
        // Every connection begins with a whole handshake.
        config.resumption = rustls::client::Resumption::disabled();
        let tls = Self { config: Arc::new(config), folder };
        let [certificate, key] = tls.files();
        fs::write(certificate, made.cert.pem())?;
        fs::write(key, made.signing_key.serialize_pem())?;
        Ok(tls)
    }

    /// Returns the files with the certificate and its key.
    #[must_use]
    pub fn files(&self) -> [PathBuf; 2] {
        ["certificate.pem", "key.pem"].map(|name| self.folder.join(name))
    }

    /// Connects and shakes hands.
    ///
    /// # Errors
    ///
    /// If the server does not want to.
    pub fn connect(&self, address: SocketAddr) -> io::Result<TlsClient> {
        let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
        let tls =
            ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        Client::over(StreamOwned::new(tls, dial(address)?), address)
    }

    /// Goes on without rustls. Whatever the server has sent is read.
    ///
    /// # Errors
    ///
    /// If rustls does not give away the keys.
    pub(super) fn take_over(&self, client: TlsClient) -> io::Result<Line> {
        let StreamOwned { conn, sock } = client.stream;
        let secrets = conn.dangerous_extract_secrets().map_err(io::Error::other)?;
        Ok(Line::Tls(Sealed::new(sock, secrets.tx)?.into()))
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        // If this fails, files are left in the folder for temporary ones.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
