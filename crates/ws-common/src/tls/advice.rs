//! Errors of TLS, and what to do about them.

use std::io;

use super::{invalid, pinned};

/// A TLS error, and the way out of it.
#[derive(Debug, thiserror::Error)]
#[error("{error}: {advice}")]
struct Advised {
    #[source]
    error: rustls::Error,
    advice: &'static str,
}

/// Makes an I/O error of a TLS error, and says what to do about a certificate that is not trusted.
pub(crate) fn explained(error: rustls::Error) -> io::Error {
    let advice = if pinned::is_ca_used_as_end_entity(&error) {
        "the server's certificate is that of an authority (CA:TRUE), which is trusted for a server only \
        if it is itself in the file of ClientTls::from_pem_file"
    } else if pinned::is_about_issuer(&error) {
        "neither the server's certificate nor its issuer is trusted; ClientTls::from_pem_file trusts \
        those of a file"
    } else {
        return invalid(error);
    };
    invalid(Advised { error, advice })
}

/// Whether an I/O error is one of TLS.
pub(crate) fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>() || inner.is::<Advised>())
}
