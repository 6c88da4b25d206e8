//! TLS errors, with advice on how to fix them.

use std::io;

use super::{invalid, pinned};

/// A TLS error with advice on how to fix it.
#[derive(Debug, thiserror::Error)]
#[error("{error}: {advice}")]
struct Advised {
    #[source]
    error: rustls::Error,
    advice: &'static str,
}

/// Converts a TLS error to an I/O error, and adds advice if the certificate is not trusted or the peer does
/// not speak TLS. `established` is whether the TLS handshake was done.
pub(crate) fn explained(error: rustls::Error, established: bool) -> io::Error {
    let advice = if pinned::is_ca_used_as_end_entity(&error) {
        "the server shows a CA certificate (CA:TRUE), which is trusted only if the file passed to \
        ClientTls::from_pem_file contains that certificate"
    } else if pinned::is_about_issuer(&error) {
        "neither the server's certificate nor its issuer is trusted; ClientTls::from_pem_file trusts \
        the certificates in a file"
    } else if matches!(
        error,
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)
    ) && !established
    {
        "the peer does not speak TLS; is it a plain ws:// one?"
    } else {
        return invalid(error);
    };
    invalid(Advised { error, advice })
}

/// Returns whether an I/O error wraps a TLS error.
pub(crate) fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>() || inner.is::<Advised>())
}
