//! Hand-written frame encoding and parsing, independent of the engine.

use wsproto::frame::Opcode;

/// A frame with its payload unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The first byte: FIN, reserved bits, opcode.
    pub first: u8,
    /// The masking key, if the frame is masked.
    pub key: Option<[u8; 4]>,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Creates a frame from its first byte, its masking key and its payload.
    #[must_use]
    pub fn new(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Self {
        Self { first, key, payload: payload.to_vec() }
    }

    /// Encodes the frame, with its length in the shortest form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = header(self.first, self.key, self.payload.len() as u64);
        frame.extend(xor(&self.payload, self.key.unwrap_or_default()));
        frame
    }

    /// Parses frames.
    ///
    /// # Panics
    ///
    /// If the bytes are not whole frames.
    #[must_use]
    pub fn read_all(mut bytes: &[u8]) -> Vec<Self> {
        let mut frames = Vec::new();
        while let [first, second, rest @ ..] = bytes {
            let (len, rest) = match second & 0x7F {
                126 => rest.split_at(2),
                127 => rest.split_at(8),
                _ => (core::slice::from_ref(second), rest),
            };
            let len = match len {
                [short] => u64::from(short & 0x7F),
                long => long.iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
            };
            let (key, rest) = match rest {
                [a, b, c, d, rest @ ..] if second & 0x80 != 0 => (Some([*a, *b, *c, *d]), rest),
                rest => (None, rest),
            };
            let len = usize::try_from(len).expect("a length in memory");
            assert!(len <= rest.len(), "incomplete frame");
            let (payload, rest) = rest.split_at(len);
            frames.push(Self {
                first: *first,
                key,
                payload: xor(payload, key.unwrap_or_default()),
            });
            bytes = rest;
        }
        assert!(bytes.is_empty(), "incomplete frame");
        frames
    }

    /// Returns whether the frame has that opcode.
    #[must_use]
    pub const fn is(&self, opcode: Opcode) -> bool {
        self.first & 0x0F == opcode as u8
    }

    /// Returns the code of a Close, if it has one.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        match *self.payload {
            [high, low, ..] if self.is(Opcode::Close) => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }
}

/// Encodes the header of a frame whose payload has `len` bytes.
#[must_use]
pub fn header(first: u8, key: Option<[u8; 4]>, len: u64) -> Vec<u8> {
    let masked = if key.is_some() { 0x80 } else { 0 };
    let mut header = match len {
        0..=125 => vec![first, masked | len as u8],
        126..=0xFFFF => vec![first, masked | 126, (len >> 8) as u8, len as u8],
        _ => [&[first, masked | 127][..], &len.to_be_bytes()].concat(),
    };
    header.extend(key.into_iter().flatten());
    header
}

/// Masks a payload with the byte loop of RFC 6455 section 5.3.
#[must_use]
pub fn xor(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect()
}

/// Returns how many Closes there are.
///
/// # Panics
///
/// If a frame follows one (promise I10), or the bytes are not whole frames.
#[must_use]
pub fn closes(out: &[u8]) -> usize {
    let frames = Frame::read_all(out);
    let closes = frames.iter().filter(|frame| frame.is(Opcode::Close)).count();
    assert!(closes == 0 || frames.last().is_some_and(|last| last.is(Opcode::Close)));
    closes
}
