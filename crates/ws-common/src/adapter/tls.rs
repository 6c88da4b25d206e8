//! What every TLS stream does with what it has read.

use std::io;

use rustls::Connection;

use crate::tls::{HTTP_1_1, explained};

/// How many bytes a TLS stream buffers in either form, as rustls does by default.
const BUFFER_LIMIT: usize = 64 << 10;

/// Processes the ciphertext that was read; to be called after each `read_tls`. Checks what the handshake
/// has agreed on. If the peer does not speak HTTP/1.1, nothing more is written, not even the request.
///
/// # Errors
///
/// [`io::Error`] of kind [`InvalidData`](io::ErrorKind::InvalidData), which is
/// [`Error::Tls`](crate::Error::Tls) when converted. An alert may wait to be written.
pub fn process(tls: &mut Connection) -> io::Result<()> {
    let was_handshaking = tls.is_handshaking();
    tls.process_new_packets().map_err(explained)?;
    if was_handshaking && !tls.is_handshaking() {
        // The request may have been larger.
        tls.set_buffer_limit(Some(BUFFER_LIMIT));
        if let Some(protocol) = tls.alpn_protocol().filter(|protocol| *protocol != HTTP_1_1) {
            let error = rustls::Error::General(format!(
                "the peer has selected the protocol {:?}, not http/1.1",
                protocol.escape_ascii().to_string()
            ));
            discard_output(tls)?;
            return Err(explained(error));
        }
    }
    Ok(())
}

fn discard_output(tls: &mut Connection) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(&mut io::sink())?;
    }
    Ok(())
}
