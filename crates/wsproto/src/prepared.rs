//! A message encoded once for many receivers.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::copy;
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
///
/// With the feature `deflate`, it is compressed at most once for each window size: a compressed form
/// refers to no earlier message, so all connections with that window share it.
#[derive(Clone)]
pub struct PreparedMessage {
    opcode: Opcode,
    header_len: usize,
    frame: Arc<[u8]>,
    #[cfg(feature = "deflate")]
    deflated: Arc<deflated::Forms>,
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
        copy::append(payload, &mut frame);
        Self {
            opcode,
            header_len,
            frame: frame.into(),
            #[cfg(feature = "deflate")]
            deflated: Arc::default(),
        }
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
    pub(crate) const fn frame(&self) -> &Arc<[u8]> {
        &self.frame
    }
}

impl PartialEq for PreparedMessage {
    fn eq(&self, other: &Self) -> bool {
        self.frame == other.frame
    }
}

impl Eq for PreparedMessage {}

impl core::fmt::Debug for PreparedMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PreparedMessage")
            .field("opcode", &self.opcode)
            .field("len", &self.payload().len())
            .finish()
    }
}

/// The compressed forms of a prepared message.
#[cfg(feature = "deflate")]
mod deflated {
    use alloc::sync::Arc;
    use std::sync::OnceLock;

    use super::PreparedMessage;
    use crate::WindowBits;

    /// One for each window from 9 to 15 bits, made when it is first needed; `None` if it would not
    /// be shorter than the payload.
    #[derive(Default)]
    pub(super) struct Forms([OnceLock<Option<Arc<[u8]>>>; 7]);

    impl PreparedMessage {
        /// Returns the payload compressed for a window, without history. `make` compresses it the
        /// first time.
        pub(crate) fn deflated(
            &self,
            window: WindowBits,
            make: impl FnOnce(&[u8]) -> Option<Arc<[u8]>>,
        ) -> Option<&Arc<[u8]>> {
            let form = self.deflated.0.get(usize::from(window.bits()).checked_sub(9)?)?;
            form.get_or_init(|| make(self.payload())).as_ref()
        }
    }
}

#[cfg(all(test, feature = "deflate"))]
mod tests {
    use super::*;
    use crate::WindowBits;
    use crate::output::{Fragments, Output, Payload};

    /// A prepared message of 5000 bytes with a compressed form of 2 bytes.
    fn deflated() -> (PreparedMessage, Arc<[u8]>) {
        let message = PreparedMessage::binary(&[7; 5000]);
        let form: Arc<[u8]> = [1, 2].into();
        let made = Arc::clone(&form);
        assert_eq!(message.deflated(WindowBits::MAX, |_| Some(made)), Some(&form));
        (message, form)
    }

    fn fragments(payload: Payload) -> Fragments {
        Fragments::new(payload, Opcode::Binary, 0, 1000, None)
    }

    /// Unwritten output keeps the form that leaves, whose bytes are counted, and no other.
    #[test]
    fn unwritten_output_keeps_one_form() {
        let (message, form) = deflated();
        let (mut whole, mut parts) = (Output::default(), Output::default());
        whole.push_shared(&message);
        parts.push_fragments(fragments((&message).into()));
        assert_eq!(Arc::strong_count(&form), 2);
        drop(message);
        assert_eq!(Arc::strong_count(&form), 1);
        assert!(whole.len() > 5000 && parts.len() > 5000);

        let (message, form) = deflated();
        let frame = Arc::downgrade(message.frame());
        let mut compressed = Output::default();
        compressed.push_fragments(fragments(Payload::Shared(form, 0)));
        drop(message);
        assert!(frame.upgrade().is_none());
        assert_eq!(compressed.pending::<1>(), [&[0x82, 2, 1, 2][..]]);
    }
}
