//! Messages as bytes of standard input and output.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ws_std::Message;

use crate::hex;
use crate::terminal::visible;

/// How messages are separated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Frame {
    /// A line feed ends a message; CR before it is no part of it
    Lines,
    /// A NUL byte ends a message
    Null,
    /// The length, as 4 bytes in network order, precedes a message
    Length,
    /// Nothing: each read of at most 64 KiB is a message
    Chunks,
}

/// How payloads are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Text is sent; binary messages are printed as they are.
    Text,
    Binary,
    Hex,
    Base64,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) frame: Frame,
    pub(crate) encoding: Encoding,
}

impl Format {
    /// Texts as lines.
    pub(crate) const LINES: Self = Self { frame: Frame::Lines, encoding: Encoding::Text };

    /// Returns the message of a part of standard input.
    pub(crate) fn decode(self, part: Vec<u8>) -> Result<Message, String> {
        match self.encoding {
            Encoding::Text => {
                let text = String::from_utf8(part);
                text.map(Message::Text).map_err(|_| "not UTF-8; --binary sends any bytes".into())
            }
            Encoding::Binary => Ok(Message::Binary(part)),
            Encoding::Hex => hex::decode(&String::from_utf8_lossy(&part)).map(Message::Binary),
            Encoding::Base64 => {
                let bytes = STANDARD.decode(part.trim_ascii());
                bytes.map(Message::Binary).map_err(|error| error.to_string())
            }
        }
    }

    /// Appends a message. For a terminal, control characters are visible, and binary messages are digits.
    pub(crate) fn append(self, message: &Message, for_terminal: bool, out: &mut Vec<u8>) {
        match (message, self.encoding) {
            (Message::Binary(bytes), Encoding::Base64) => {
                self.frame(STANDARD.encode(bytes).as_bytes(), out);
            }
            (Message::Binary(bytes), encoding) if encoding == Encoding::Hex || for_terminal => {
                self.frame(hex::encode(bytes).as_bytes(), out);
            }
            (Message::Text(text), _) if for_terminal => self.frame(visible(text).as_bytes(), out),
            (message, _) => self.frame(message.as_bytes(), out),
        }
    }

    fn frame(self, payload: &[u8], out: &mut Vec<u8>) {
        if self.frame == Frame::Length {
            // `PipeArgs` refuses --max-message beyond this length.
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&length.to_be_bytes());
        }
        out.extend_from_slice(payload);
        match self.frame {
            Frame::Lines => out.push(b'\n'),
            Frame::Null => out.push(0),
            Frame::Length | Frame::Chunks => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(
        frame: Frame,
        encoding: Encoding,
        message: &Message,
        for_terminal: bool,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        Format { frame, encoding }.append(message, for_terminal, &mut out);
        out
    }

    #[test]
    fn messages_are_separated() {
        let text = || Message::from("a\x1b");
        assert_eq!(appended(Frame::Lines, Encoding::Text, &text(), false), b"a\x1b\n");
        assert_eq!(appended(Frame::Lines, Encoding::Text, &text(), true), b"a\\u{1b}\n");
        assert_eq!(appended(Frame::Null, Encoding::Hex, &text(), false), b"a\x1b\0");
        assert_eq!(appended(Frame::Length, Encoding::Text, &text(), false), b"\0\0\0\x02a\x1b");
        assert_eq!(appended(Frame::Chunks, Encoding::Text, &text(), false), b"a\x1b");
    }

    #[test]
    fn binary_messages_are_encoded_as_asked() {
        let bytes = || Message::from(vec![0, 255]);
        assert_eq!(appended(Frame::Lines, Encoding::Text, &bytes(), false), b"\0\xff\n");
        assert_eq!(appended(Frame::Lines, Encoding::Text, &bytes(), true), b"00ff\n");
        assert_eq!(appended(Frame::Lines, Encoding::Hex, &bytes(), false), b"00ff\n");
        assert_eq!(appended(Frame::Lines, Encoding::Base64, &bytes(), true), b"AP8=\n");
        for (encoding, part) in
            [(Encoding::Hex, "00 FF"), (Encoding::Base64, " AP8=\r"), (Encoding::Binary, "\0")]
        {
            let format = Format { frame: Frame::Lines, encoding };
            let message = format.decode(part.into()).expect(part);
            let expected = if encoding == Encoding::Binary { vec![0] } else { vec![0, 255] };
            assert_eq!(message, Message::Binary(expected));
        }
    }

    #[test]
    fn parts_that_mean_no_message_are_refused() {
        for (encoding, part) in [
            (Encoding::Text, &b"\xff"[..]),
            (Encoding::Hex, b"0"),
            (Encoding::Hex, b"xy"),
            (Encoding::Base64, b"A"),
        ] {
            let format = Format { frame: Frame::Lines, encoding };
            assert!(format.decode(part.to_vec()).is_err(), "{part:?}");
        }
    }
}
