//! A message that leaves in fragments, which are encoded when they are written.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use super::{LARGE, MASK_AT_ONCE};
use crate::frame::{Header, Opcode};
use crate::mask::Mask;
use crate::role::sealed::Role as _;
use crate::{Client, PreparedMessage, copy};

/// The payload of a message in fragments.
pub(crate) enum Payload {
    Owned(Vec<u8>),
    /// The bytes from that position on, of one form of a prepared message: no other is kept, since it would not be
    /// counted.
    Shared(Arc<[u8]>, usize),
    #[cfg(feature = "bytes")]
    Bytes(bytes::Bytes),
}

/// The payload that is not compressed.
impl From<&PreparedMessage> for Payload {
    fn from(message: &PreparedMessage) -> Self {
        let frame = message.frame();
        Self::Shared(Arc::clone(frame), frame.len() - message.payload().len())
    }
}

impl Payload {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes, from) => bytes.get(*from..).unwrap_or_default(),
            #[cfg(feature = "bytes")]
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// A message that leaves in fragments.
///
/// Control frames that are [inserted](Self::insert) leave before the next fragment (RFC 6455 section
/// 5.4).
pub(crate) struct Fragments {
    payload: Payload,
    /// The opcode and the reserved bits of the next frame.
    opcode: Opcode,
    rsv: u8,
    /// The longest payload of a frame.
    size: usize,
    /// How many bytes of the payload are encoded.
    encoded: usize,
    /// How many bytes of the current frame are not encoded yet.
    left: usize,
    /// The mask of the current frame.
    mask: Option<Mask>,
    /// The generator of the masking keys: a client's session may be over before all is written.
    keys: Option<Client>,
    /// Control frames to send before the next frame.
    inserted: Vec<u8>,
    /// Memory for the next piece.
    spare: Vec<u8>,
}

impl Fragments {
    /// Creates a message of frames with at most `size` bytes of payload; neither is zero. `keys` mask
    /// the frames of a client.
    pub(crate) const fn new(
        payload: Payload,
        opcode: Opcode,
        rsv: u8,
        size: usize,
        keys: Option<Client>,
    ) -> Self {
        Self {
            payload,
            opcode,
            rsv,
            size,
            encoded: 0,
            left: 0,
            mask: None,
            keys,
            inserted: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Returns how many bytes are not encoded yet, headers included.
    pub(crate) fn len(&self) -> usize {
        let rest = self.payload.bytes().len() - self.encoded;
        let (whole, last) = ((rest - self.left) / self.size, (rest - self.left) % self.size);
        let last_header = if last > 0 { self.header_len(last) } else { 0 };
        rest + whole * self.header_len(self.size) + last_header + self.inserted.len()
    }

    const fn header_len(&self, payload: usize) -> usize {
        let masked = if self.keys.is_some() { 4 } else { 0 };
        masked
            + match payload {
                0..=125 => 2,
                126..=0xFFFF => 4,
                _ => 10,
            }
    }

    /// Inserts a control frame before the next fragment.
    pub(crate) fn insert(&mut self, frame: &[u8]) {
        self.inserted.extend_from_slice(frame);
    }

    /// Returns how many bytes leave before the next fragment.
    pub(crate) const fn up_to_inserted(&self) -> usize {
        self.left + self.inserted.len()
    }

    /// Returns whether nothing is left to encode.
    pub(crate) fn is_encoded(&self) -> bool {
        self.encoded == self.payload.bytes().len() && self.inserted.is_empty()
    }

    /// Takes over empty memory for the next piece.
    pub(crate) fn reuse(&mut self, memory: Vec<u8>) {
        if memory.capacity() <= 2 * MASK_AT_ONCE {
            self.spare = memory;
        }
    }

    /// Encodes the next piece: a fragment, or more of them up to 16 KiB, or a part of a longer one.
    pub(crate) fn encode(&mut self) -> Vec<u8> {
        let mut piece = mem::take(&mut self.spare);
        loop {
            if self.left == 0 {
                piece.append(&mut self.inserted);
                if piece.len() >= LARGE || !self.begin_frame(&mut piece) {
                    return piece;
                }
            }
            let room = MASK_AT_ONCE.saturating_sub(piece.len());
            if room == 0 {
                return piece;
            }
            let end = self.encoded + self.left.min(room);
            let part = self.payload.bytes().get(self.encoded..end).unwrap_or_default();
            match &mut self.mask {
                Some(mask) => mask.append(part, &mut piece),
                None => copy::append(part, &mut piece),
            }
            self.left -= end - self.encoded;
            self.encoded = end;
        }
    }

    /// Appends the header of the next frame. Returns whether there is one.
    fn begin_frame(&mut self, piece: &mut Vec<u8>) -> bool {
        let rest = self.payload.bytes().len() - self.encoded;
        if rest == 0 {
            return false;
        }
        self.left = rest.min(self.size);
        let key = self.keys.as_mut().and_then(Client::masking_key);
        let (fin, len) = (self.left == rest, self.left as u64);
        Header { fin, rsv: self.rsv, opcode: self.opcode, mask: key, len }.encode(piece);
        self.mask = key.map(Mask::new);
        (self.opcode, self.rsv) = (Opcode::Continuation, 0);
        true
    }
}
