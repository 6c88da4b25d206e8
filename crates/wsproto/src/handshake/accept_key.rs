//! `Sec-WebSocket-Accept`: proof that the server read the request (RFC 6455 section 4.2.2).

use alloc::string::String;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha1::{Digest, Sha1};

/// Section 1.3: a string that an endpoint without WebSocket support is unlikely to use.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The RFC's own sample key, before erratum 3150, sets bits of its last character that base64 of 16
/// bytes leaves unused; a client based on it may send such a key.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Computes `Sec-WebSocket-Accept` from `Sec-WebSocket-Key` as received, without decoding it.
///
/// ```
/// use wsproto::handshake::accept_key;
///
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}

/// Encodes a client's nonce.
pub(super) fn encode_key(nonce: [u8; 16]) -> String {
    STANDARD.encode(nonce)
}

/// Returns whether `key` is base64 of 16 bytes.
pub(super) fn is_key(key: &str) -> bool {
    let mut nonce = [0; 18];
    LENIENT.decode_slice(key, &mut nonce) == Ok(16)
}
