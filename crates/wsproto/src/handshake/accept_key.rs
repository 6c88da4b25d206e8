//! `Sec-WebSocket-Accept`: proof that the server read the request (RFC 6455 section 4.2.2).

use alloc::string::String;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// Section 1.3: a string that an endpoint without WebSocket support is unlikely to use.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Computes `Sec-WebSocket-Accept` from `Sec-WebSocket-Key` as received, without decoding it.
///
/// ```
/// use wsproto::handshake::accept_key;
///
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_key(key: &str) -> String {
    STANDARD.encode(hash(key.as_bytes()))
}

fn hash(key: &[u8]) -> [u8; 20] {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    hash.finalize().into()
}

/// A `Sec-WebSocket-Key`: base64 of 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key([u8; 24]);

impl Key {
    /// Encodes a client's nonce.
    pub(crate) fn new(nonce: [u8; 16]) -> Self {
        let mut text = [0; 24];
        // The array has the length of the text.
        let _written = STANDARD.encode_slice(nonce, &mut text);
        Self(text)
    }

    /// Reads the key of a client; `None` if it is not base64 of 16 bytes.
    ///
    /// The RFC's own sample key, before erratum 3150, sets bits of its last character that base64 of 16
    /// bytes leaves unused; a client based on it may send such a key.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let key: [u8; 24] = text.try_into().ok()?;
        let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let [digits @ .., b'=', b'='] = &key else { return None };
        digits.iter().all(is_digit).then_some(Self(key))
    }

    /// Returns the text, as in the header field.
    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Computes the value of `Sec-WebSocket-Accept`.
    pub(super) fn accept(&self) -> [u8; 28] {
        let mut text = [0; 28];
        // The array has the length of the text.
        let _written = STANDARD.encode_slice(hash(&self.0), &mut text);
        text
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::DecodePaddingMode;
    use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

    use super::*;

    /// Any base64 of 16 bytes with its padding, whatever its unused bits are.
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );

    // R6455-4.2.1-6: `base64` is the oracle, for every byte at every place, and for every length.
    #[test]
    fn a_key_is_base64_of_16_bytes() {
        let good = "dGhlIHNhbXBsZSBub25jZQ==";
        let check = |text: &str| {
            let decoded = LENIENT.decode(text).is_ok_and(|nonce| nonce.len() == 16);
            assert_eq!(Key::parse(text.as_bytes()).is_some(), decoded, "{text:?}");
        };
        for at in 0..good.len() {
            let (before, behind) = good.split_at(at);
            check(before);
            check(&alloc::format!("{before}a{behind}"));
            for byte in 0..=0x7F_u8 {
                let behind = behind.get(1..).unwrap_or_default();
                check(&alloc::format!("{before}{}{behind}", char::from(byte)));
            }
        }
        assert!(Key::parse(good.as_bytes()).is_some_and(|key| key.as_bytes() == good.as_bytes()));
    }

    // R6455-4.2.2-13
    #[test]
    fn both_ways_to_the_answer_agree() {
        for nonce in [[0; 16], [0xFF; 16], *b"the sample nonce"] {
            let key = Key::new(nonce);
            let text = STANDARD.encode(nonce);
            assert_eq!(key.as_bytes(), text.as_bytes());
            assert_eq!(key.accept(), accept_key(&text).as_bytes());
        }
    }
}
