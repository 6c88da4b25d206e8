//! Messages that leave compressed (RFC 7692 section 6.1).

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Sender;
use crate::deflate::RSV1;
use crate::frame::{Header, Opcode};
use crate::mask::Mask;
use crate::output::Payload;
use crate::{Compress, DeflateTools, PreparedMessage, Role, SendError, copy};

impl<R: Role> Sender<R> {
    /// Sets which messages to compress from now on; returns the previous setting. It has no effect
    /// on a message whose fragments were begun, nor without permessage-deflate.
    pub fn set_compress(&mut self, compress: Compress) -> Compress {
        self.deflate.set_compress(compress)
    }

    /// Lends compressors, as [`Connection::lend_tools`](crate::Connection::lend_tools) does.
    pub fn lend_tools(&mut self, tools: &mut DeflateTools) {
        self.deflate.lend(tools);
    }

    /// Returns the compressors; see
    /// [`Connection::reclaim_tools`](crate::Connection::reclaim_tools).
    pub fn reclaim_tools(&mut self, tools: &mut DeflateTools) {
        self.deflate.reclaim(tools);
    }

    /// Appends a text message if it becomes shorter by compression; returns whether it did. If not,
    /// the payload can leave in place.
    pub(crate) fn try_deflated_text(
        &mut self,
        text: &str,
        out: &mut Vec<u8>,
    ) -> Result<bool, SendError> {
        self.may_begin()?;
        Ok(self.send_deflated(Opcode::Text, text.as_bytes(), out))
    }

    /// Appends a binary message, as [`try_deflated_text`](Self::try_deflated_text) does.
    pub(crate) fn try_deflated_binary(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool, SendError> {
        self.may_begin()?;
        Ok(self.send_deflated(Opcode::Binary, bytes, out))
    }

    /// Appends a prepared message, as [`try_deflated_text`](Self::try_deflated_text) does.
    pub(crate) fn try_deflated_prepared(
        &mut self,
        message: &PreparedMessage,
        out: &mut Vec<u8>,
    ) -> Result<bool, SendError> {
        self.may_begin()?;
        Ok(self.send_deflated_prepared(message, out))
    }

    /// Compresses the payload of a message, if that is shorter. Returns it with the reserved bits of the first
    /// frame.
    pub(super) fn deflate_payload(&mut self, payload: Payload) -> (Payload, u8) {
        let mut deflated = None;
        match &payload {
            Payload::Owned(bytes) => {
                self.deflate.message(bytes, |bytes| deflated = Some(Payload::Owned(bytes.into())));
            }
            #[cfg(feature = "bytes")]
            Payload::Bytes(bytes) => {
                self.deflate.message(bytes, |bytes| deflated = Some(Payload::Owned(bytes.into())));
            }
            Payload::Shared(..) => {}
        }
        deflated.map_or((payload, 0), |deflated| (deflated, RSV1))
    }

    /// Returns the shortest form of a prepared message, as [`deflate_payload`](Self::deflate_payload) does.
    pub(super) fn prepared_payload(&mut self, message: &PreparedMessage) -> (Payload, u8) {
        let mut deflated = None;
        self.deflate
            .prepared(message, |form| deflated = Some(Payload::Shared(Arc::clone(form), 0)));
        deflated.map_or_else(|| (message.into(), 0), |deflated| (deflated, RSV1))
    }

    /// Appends a compressed message, if that is shorter; returns whether it is.
    #[inline(never)]
    pub(super) fn send_deflated(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let role = &mut self.role;
        self.deflate.message(payload, |bytes| append(role, true, RSV1, opcode, bytes, out))
    }

    /// Appends the compressed form of a prepared message, if that is shorter; returns whether it
    /// is.
    pub(super) fn send_deflated_prepared(
        &mut self,
        message: &PreparedMessage,
        out: &mut Vec<u8>,
    ) -> bool {
        let role = &mut self.role;
        self.deflate
            .prepared(message, |bytes| append(role, true, RSV1, message.opcode(), bytes, out))
    }

    /// Appends a compressed fragment, if its message is compressed; returns whether it is. The
    /// first fragment decides, and alone has RSV1.
    pub(super) fn send_deflated_fragment(
        &mut self,
        opcode: Opcode,
        fin: bool,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let first = opcode != Opcode::Continuation;
        if first && fin {
            return self.send_deflated(opcode, payload, out);
        }
        let compressed = match first {
            true => self.deflate.begin_fragments(),
            false => self.deflate.is_fragmenting(),
        };
        if compressed {
            let (role, rsv) = (&mut self.role, if first { RSV1 } else { 0 });
            self.deflate.fragment(payload, fin, |bytes| append(role, fin, rsv, opcode, bytes, out));
        }
        compressed
    }
}

fn append<R: Role>(
    role: &mut R,
    fin: bool,
    rsv: u8,
    opcode: Opcode,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    let mask = role.masking_key();
    Header { fin, rsv, opcode, mask, len: payload.len() as u64 }.encode(out);
    match mask.map(Mask::new) {
        Some(mut mask) => mask.append(payload, out),
        None => copy::append(payload, out),
    }
}
