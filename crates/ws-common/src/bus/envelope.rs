//! The form of a message on the bus: its opcode, the server that has published it, and its payload.

use std::str;

use wsproto::PreparedMessage;

use crate::Message;

/// Identifies a server on its bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin(pub(crate) [u8; 8]);

const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// Encodes a message for the bus.
pub(crate) fn seal(origin: Origin, message: &Message) -> Vec<u8> {
    let (opcode, payload) = match message {
        Message::Text(text) => (TEXT, text.as_bytes()),
        Message::Binary(bytes) => (BINARY, bytes.as_slice()),
    };
    [&[opcode], &origin.0[..], payload].concat()
}

/// Returns the server that has published a payload, and the message in it.
///
/// # Errors
///
/// The reason why the payload is not a message.
pub(crate) fn open(payload: &[u8]) -> Result<(Origin, Opened<'_>), &'static str> {
    let (opcode, rest) = payload.split_first().ok_or("it is empty")?;
    let (origin, payload) = rest.split_first_chunk().ok_or("it has less than 9 bytes")?;
    let opened = match *opcode {
        TEXT => Opened::Text(str::from_utf8(payload).map_err(|_| "the text is not UTF-8")?),
        BINARY => Opened::Binary(payload),
        _ => return Err("its opcode is neither text nor binary"),
    };
    Ok((Origin(*origin), opened))
}

/// A message that has arrived on the bus.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opened<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl Opened<'_> {
    /// Encodes the message for all its receivers.
    pub(crate) fn prepare(&self) -> PreparedMessage {
        match self {
            Self::Text(text) => PreparedMessage::text(text),
            Self::Binary(bytes) => PreparedMessage::binary(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_kind_and_their_origin() {
        let origin = Origin(*b"8 bytes!");
        for text in ["", "Hello", "\u{fc}"] {
            let sealed = seal(origin, &text.into());
            assert_eq!(sealed.len(), 9 + text.len());
            assert_eq!(open(&sealed), Ok((origin, Opened::Text(text))));
        }
        let sealed = seal(origin, &vec![0xFF, 0].into());
        assert_eq!(sealed, b"\x028 bytes!\xFF\0");
        assert_eq!(open(&sealed), Ok((origin, Opened::Binary(&[0xFF, 0]))));
    }

    #[test]
    fn payloads_of_another_form_are_refused() {
        for (payload, reason) in [
            (&b""[..], "it is empty"),
            (b"\x01", "it has less than 9 bytes"),
            (b"\x01\0\0\0\0\0\0\0", "it has less than 9 bytes"),
            (b"\x00\0\0\0\0\0\0\0\0Hi", "its opcode is neither text nor binary"),
            (b"\x08\0\0\0\0\0\0\0\0Hi", "its opcode is neither text nor binary"),
            (b"Hello, world", "its opcode is neither text nor binary"),
            (b"\x01\0\0\0\0\0\0\0\0\xC3", "the text is not UTF-8"),
        ] {
            assert_eq!(open(payload), Err(reason), "{payload:?}");
        }
    }
}
