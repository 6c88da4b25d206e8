//! Trust in the certificates of one file: as authorities, and each for the server that shows it.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// Checks as webpki does, and lets a server also show a certificate of the file itself, whatever kind it
/// is: `openssl req -x509` makes one that calls itself an authority (`CA:TRUE`), which webpki accepts for
/// no server.
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

/// Whether webpki objects to nothing but the issuer of a certificate, or its place in a chain. It looks at
/// the dates before that, and at the name after it.
pub(super) fn is_about_issuer(error: &Error) -> bool {
    match error {
        // A certificate that was made anew, under the same name, is not signed by the old one's key.
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => true,
        error => is_ca_used_as_end_entity(error),
    }
}

/// Whether the server has shown the certificate of an authority.
pub(super) fn is_ca_used_as_end_entity(error: &Error) -> bool {
    // rustls wraps webpki's error; a test notices if it calls it otherwise one day.
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
        // What else the server shows has no say about a certificate that is trusted by itself.
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
