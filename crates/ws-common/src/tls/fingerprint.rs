//! Verification against the fingerprint of one certificate.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

/// The SHA-256 hash of a certificate in DER.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Parses 64 hexadecimal digits, with or without colons between the bytes, and with or without the words
    /// that `openssl` prints before them: `sha256 Fingerprint=`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = match text.trim().split_once('=') {
            Some((name, digits)) if name.eq_ignore_ascii_case("sha256 fingerprint") => digits,
            Some(_) => return None,
            None => text.trim(),
        };
        let digits: Vec<u8> = match text.contains(':') {
            true => {
                let bytes = text.split(':');
                if !bytes.clone().all(|byte| byte.len() == 2) {
                    return None;
                }
                bytes.flat_map(str::bytes).collect()
            }
            false => text.bytes().collect(),
        };
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let bytes = digits.chunks(2).map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        });
        bytes.collect::<Option<Vec<u8>>>()?.try_into().ok().map(Self)
    }

    fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let suite = TLS13_AES_128_GCM_SHA256.tls13()?;
        let hash = suite.common.hash_provider.hash(certificate);
        hash.as_ref().try_into().ok().map(Self)
    }
}

/// Writes it as `openssl x509 -fingerprint -sha256` does.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// Accepts one certificate, without checking its names, dates and issuer. The server must have its key.
pub(super) struct FingerprintVerifier {
    expected: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl FingerprintVerifier {
    pub(super) const fn new(expected: Fingerprint, provider: Arc<CryptoProvider>) -> Self {
        Self { expected, provider }
    }
}

impl fmt::Debug for FingerprintVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FingerprintVerifier({})", self.expected)
    }
}

impl ServerCertVerifier for FingerprintVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match Fingerprint::of(end_entity) {
            Some(found) if found == self.expected => Ok(ServerCertVerified::assertion()),
            Some(found) => Err(Error::General(format!(
                "the server's certificate is not the pinned one; its SHA-256 fingerprint is {found}"
            ))),
            None => Err(Error::General("no SHA-256".into())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
