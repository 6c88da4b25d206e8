//! TLS errors, with advice on how to fix them.

use std::io;

use rustls::{Error, Side};

use super::{invalid, pinned};

/// A TLS error in words that tell how to fix it.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Advised {
    #[source]
    error: Error,
    text: String,
}

/// Converts a TLS error at this end to an I/O error, and adds advice if the certificate of the peer is not
/// trusted or the peer does not speak TLS. `established` is whether the TLS handshake was done.
pub(crate) fn explained(error: Error, this_end: Side, established: bool) -> io::Error {
    let advice = if pinned::is_ca_used_as_end_entity(&error) {
        match this_end {
            Side::Client => {
                "the server shows a CA certificate (CA:TRUE), which is trusted only if the file passed to \
                ClientTls::from_pem_file contains that certificate"
            }
            Side::Server => {
                "the client shows a CA certificate (CA:TRUE); it needs one of its own, which that may sign"
            }
        }
    } else if pinned::is_about_issuer(&error) {
        match this_end {
            Side::Client => {
                "neither the server's certificate nor its issuer is trusted; ClientTls::from_pem_file trusts \
                the certificates in a file, ClientTls::system those of the system"
            }
            Side::Server => {
                "no authority of the server's client verifier has issued the certificate"
            }
        }
    } else if matches!(error, Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType))
        && !established
    {
        "the peer does not speak TLS; is it a plain ws:// one?"
    } else if let Error::General(reason) = &error {
        // rustls would put "unexpected error" before it.
        let text = reason.clone();
        return invalid(Advised { error, text });
    } else {
        return invalid(error);
    };
    let text = format!("{error}: {advice}");
    invalid(Advised { error, text })
}

/// Returns whether an I/O error wraps a TLS error.
pub(crate) fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Error>() || inner.is::<Advised>())
}
