//! The parameters that a TLS handshake has established.

use rustls::Connection;
use rustls::pki_types::CertificateDer;

/// The parameters of a TLS connection that concern an application.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The host name that the client asked for (Server Name Indication, RFC 6066 section 3). `None` if it
    /// asked for none, and at a client.
    pub server_name: Option<String>,
    /// The certificates of the peer, its own first; they were verified. Empty if it sent none. A server asks
    /// for them only if its [`ServerConfig`](rustls::ServerConfig) has a client verifier, as in the example of
    /// [`ServerTls`](super::ServerTls).
    pub peer_certificates: Vec<CertificateDer<'static>>,
}

impl TlsInfo {
    pub(crate) fn new(tls: &Connection) -> Self {
        let server_name = match tls {
            Connection::Server(server) => server.server_name().map(Into::into),
            Connection::Client(_) => None,
        };
        let peer_certificates = tls.peer_certificates().unwrap_or_default().to_vec();
        Self { server_name, peer_certificates }
    }
}
