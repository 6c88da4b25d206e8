//! The frames that a probe sends, right or wrong, as data.

use ws_std::wsproto::mask::Mask;

/// The masking key of every frame, that of the examples in RFC 6455 section 5.7: reports can be compared.
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

const MASKED: u8 = 0x80;

/// A part of the output of a probe.
#[derive(Clone, Copy, Debug)]
pub(super) enum Send {
    /// A masked frame: its first byte and its payload. The length has its shortest form.
    Frame(u8, &'static [u8]),
    /// A frame without a mask.
    Unmasked(u8, &'static [u8]),
    /// A masked frame whose length takes 2 bytes, or 8, though it need not.
    Long(u8, Width, &'static [u8]),
    /// A masked frame whose payload is this byte, so many times.
    Repeated(u8, u8, usize),
    /// These bytes.
    Raw(&'static [u8]),
    /// Nothing for a moment, so that the parts before and after arrive apart.
    Pause,
}

/// The width of the field for a longer length, RFC 6455 section 5.2.
#[derive(Clone, Copy, Debug)]
pub(super) enum Width {
    Two,
    Eight,
}

impl Send {
    /// Appends the bytes of this part.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Frame(first, payload) => masked(first, &length(payload.len()), payload, out),
            Self::Unmasked(first, payload) => {
                out.push(first);
                out.extend_from_slice(&length(payload.len()));
                out.extend_from_slice(payload);
            }
            Self::Long(first, Width::Two, payload) => {
                masked(first, &two(payload.len()), payload, out);
            }
            Self::Long(first, Width::Eight, payload) => {
                masked(first, &eight(payload.len()), payload, out);
            }
            Self::Repeated(first, byte, len) => {
                masked(first, &length(len), &vec![byte; len], out);
            }
            Self::Raw(bytes) => out.extend_from_slice(bytes),
            Self::Pause => {}
        }
    }
}

fn masked(first: u8, length: &[u8], payload: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    let start = out.len();
    out.extend_from_slice(length);
    if let Some(byte) = out.get_mut(start) {
        *byte |= MASKED;
    }
    out.extend_from_slice(&KEY);
    Mask::new(KEY).append(payload, out);
}

/// Returns the field of a length in its shortest form, without the MASK bit.
pub(super) fn length(len: usize) -> Vec<u8> {
    match u8::try_from(len) {
        Ok(short @ ..=125) => vec![short],
        _ if len <= 0xFFFF => two(len),
        _ => eight(len),
    }
}

fn two(len: usize) -> Vec<u8> {
    let [.., a, b] = (len as u64).to_be_bytes();
    vec![126, a, b]
}

fn eight(len: usize) -> Vec<u8> {
    let mut bytes = vec![127];
    bytes.extend_from_slice(&(len as u64).to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(part: Send) -> Vec<u8> {
        let mut out = Vec::new();
        part.encode(&mut out);
        out
    }

    /// The masked and the unmasked example of RFC 6455 section 5.7.
    #[test]
    fn frames_are_those_of_the_rfc() {
        let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(bytes(Send::Frame(0x81, b"Hello")), masked);
        assert_eq!(bytes(Send::Unmasked(0x81, b"Hello")), b"\x81\x05Hello");
        assert_eq!(bytes(Send::Raw(b"\xFF")), b"\xFF");
        assert!(bytes(Send::Pause).is_empty());
    }

    #[test]
    fn lengths_have_the_width_that_was_asked_for() {
        let start = |part| bytes(part).split_at(4).0.to_vec();
        assert_eq!(start(Send::Repeated(0x82, 0, 125)), [0x82, 0x80 | 125, 0x37, 0xFA]);
        assert_eq!(start(Send::Repeated(0x82, 0, 126)), [0x82, 0x80 | 126, 0, 126]);
        assert_eq!(start(Send::Repeated(0x82, 0, 0xFFFF)), [0x82, 0x80 | 126, 0xFF, 0xFF]);
        assert_eq!(start(Send::Repeated(0x82, 0, 0x1_0000)), [0x82, 0x80 | 127, 0, 0]);
        assert_eq!(start(Send::Long(0x81, Width::Two, b"a")), [0x81, 0x80 | 126, 0, 1]);
        assert_eq!(start(Send::Long(0x81, Width::Eight, b"a")), [0x81, 0x80 | 127, 0, 0]);
        assert_eq!(bytes(Send::Long(0x81, Width::Eight, b"a")).len(), 2 + 8 + 4 + 1);
    }
}
