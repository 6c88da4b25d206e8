//! Verification against the certificates of one file, as authorities and as pinned server certificates.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// Verifies as webpki does, but also accepts each certificate of the file as a server's certificate, even a
/// CA certificate: `openssl req -x509` sets `CA:TRUE`, and webpki accepts no such server certificate.
#[derive(Debug)]
pub(super) struct PinnedVerifier {
    webpki: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl PinnedVerifier {
    pub(super) const fn new(
        webpki: Arc<WebPkiServerVerifier>,
        pinned: Vec<CertificateDer<'static>>,
    ) -> Self {
        Self { webpki, pinned }
    }
}

/// Returns whether webpki rejected only the issuer of a certificate, or its position in the chain. webpki
/// checks the validity dates before the issuer, and the name after it.
pub(super) fn is_about_issuer(error: &Error) -> bool {
    match error {
        // A certificate reissued under the same name with a new key does not verify with the old key.
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => true,
        error => is_ca_used_as_end_entity(error),
    }
}

/// Returns whether the server's own certificate is a CA certificate.
pub(super) fn is_ca_used_as_end_entity(error: &Error) -> bool {
    // rustls wraps webpki's error as `Other`; a test fails if the name changes.
    matches!(error, Error::InvalidCertificate(CertificateError::Other(other))
        if other.to_string() == "CaUsedAsEndEntity")
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |chain| {
            self.webpki.verify_server_cert(end_entity, chain, server_name, ocsp_response, now)
        };
        if !self.pinned.contains(end_entity) {
            return verify(intermediates);
        }
        // The certificate is trusted by itself, so ignore the rest of the chain.
        match verify(&[]) {
            Err(error) if is_about_issuer(&error) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
