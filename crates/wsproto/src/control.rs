//! Control frames cut by a read.

use core::fmt;

use crate::cursor::take;
use crate::frame::{MAX_CONTROL_LEN, Opcode};
use crate::mask::Mask;

/// A control frame whose payload did not arrive in one piece.
pub(crate) struct Control {
    opcode: Opcode,
    mask: Mask,
    len: usize,
    filled: usize,
    bytes: [u8; MAX_CONTROL_LEN],
}

impl Control {
    /// Begins a payload of `len` bytes, at most [`MAX_CONTROL_LEN`].
    pub(crate) const fn new(opcode: Opcode, mask: Mask, len: usize) -> Self {
        Self { opcode, mask, len, filled: 0, bytes: [0; MAX_CONTROL_LEN] }
    }

    pub(crate) const fn opcode(&self) -> Opcode {
        self.opcode
    }

    /// Takes missing bytes of the payload from `input`; returns whether the payload is complete.
    pub(crate) fn fill(&mut self, input: &mut &mut [u8]) -> bool {
        let part = take(input, self.len - self.filled);
        self.mask.apply(part);
        if let Some(free) = self.bytes.get_mut(self.filled..) {
            for (to, from) in free.iter_mut().zip(part.iter()) {
                *to = *from;
            }
        }
        self.filled += part.len();
        self.filled == self.len
    }

    /// Returns the payload, once it is complete.
    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Shows the opcode and length, not the payload.
impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("opcode", &self.opcode)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
