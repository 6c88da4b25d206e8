//! A message encoded once for many receivers.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::frame::{Header, Opcode};

/// A message encoded as a frame, so that sending it to many clients costs one copy each, or none if
/// it is large. Clones share the bytes.
///
/// ```
/// use wsproto::{Connection, Config, PreparedMessage};
///
/// let news = PreparedMessage::text("it rains");
/// let mut out = Vec::new();
/// Connection::server(Config::default()).sender().send_prepared(&news, &mut out)?;
/// assert_eq!(out, b"\x81\x08it rains");
/// # Ok::<(), wsproto::SendError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PreparedMessage {
    opcode: Opcode,
    header_len: usize,
    frame: Arc<[u8]>,
}

impl PreparedMessage {
    /// Encodes a text message.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text.as_bytes())
    }

    /// Encodes a binary message.
    #[must_use]
    pub fn binary(bytes: &[u8]) -> Self {
        Self::new(Opcode::Binary, bytes)
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Self {
        let mut frame = Vec::new();
        Header { fin: true, rsv: 0, opcode, mask: None, len: payload.len() as u64 }
            .encode(&mut frame);
        let header_len = frame.len();
        frame.reserve_exact(payload.len());
        frame.extend_from_slice(payload);
        Self { opcode, header_len, frame: frame.into() }
    }

    /// Returns the payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.frame.get(self.header_len..).unwrap_or_default()
    }

    pub(crate) const fn opcode(&self) -> Opcode {
        self.opcode
    }

    /// Returns the frame as a server sends it.
    pub(crate) fn frame(&self) -> &[u8] {
        &self.frame
    }
}

impl core::fmt::Debug for PreparedMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PreparedMessage")
            .field("opcode", &self.opcode)
            .field("len", &self.payload().len())
            .finish()
    }
}
