//! The frames that a server sends after the opening handshake.
//!
//! The engine is strict, and would end a connection at the first fault. But one fault of a server, such as
//! masked frames, must not hide the faults that other probes look for. So each frame is noted with its faults, put
//! into its right form, and then given to the engine.

use std::mem;

use ws_std::wsproto::mask::Mask;
use ws_std::wsproto::{Client, Config, Connection, Error, Event, Extensions};

use super::send::length;

const FIN_AND_OPCODE: u8 = 0x8F;
const RSV1: u8 = 0x40;
const MASKED: u8 = 0x80;
const CLOSE: u8 = 0x8;

/// The longest frame that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// A message or a control frame of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A text or binary message.
    Message(Vec<u8>),
    /// A Ping.
    Ping,
    /// A Pong with its payload.
    Pong(Vec<u8>),
    /// A Close with its body as received.
    Close(Vec<u8>),
}

/// Faults of frames that can be understood in spite of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// A frame was masked, RFC 6455 section 5.1.
    pub(super) masked: bool,
    /// A reserved bit was set that no extension has claimed, section 5.2.
    pub(super) reserved: bool,
    /// A length was not in its shortest form, section 5.2.
    pub(super) long_length: bool,
}

/// Reads the frames of a server.
#[derive(Debug)]
pub(super) struct Incoming {
    engine: Connection<Client>,
    /// Reserved bits that an extension has claimed.
    claimed: u8,
    /// Bytes of a frame that is not complete.
    rest: Vec<u8>,
    /// The messages and control frames in their order, up to the first Close.
    pub(super) items: Vec<Item>,
    /// The faults of frames that were understood.
    pub(super) faults: Faults,
    /// The opcodes of the frames after the first Close.
    pub(super) after_close: Vec<u8>,
    /// The first rule that the frames break, if they cannot be understood.
    pub(super) error: Option<Error>,
}

impl Incoming {
    /// Creates a reader for a connection with these extensions.
    pub(super) fn new(extensions: Extensions) -> Self {
        let claimed = extensions.reserved_bits() & RSV1;
        // Nothing that the engine would send is used, so its masking keys need no secret.
        let engine = Connection::new(Client::from_seed([0; 32]), Config::default(), extensions);
        Self {
            engine,
            claimed,
            rest: Vec::new(),
            items: Vec::new(),
            faults: Faults::default(),
            after_close: Vec::new(),
            error: None,
        }
    }

    /// Returns the body of the server's Close.
    pub(super) fn close(&self) -> Option<&[u8]> {
        match self.items.last() {
            Some(Item::Close(body)) => Some(body),
            _ => None,
        }
    }

    /// Returns how many Pongs have arrived.
    pub(super) fn pongs(&self) -> usize {
        self.items.iter().filter(|item| matches!(item, Item::Pong(_))).count()
    }

    /// Takes received bytes.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let mut rest = mem::take(&mut self.rest);
        let mut at = 0;
        while self.error.is_none()
            && let Some(size) = rest.get_mut(at..).and_then(|bytes| self.frame(bytes))
        {
            at += size;
        }
        rest.drain(..at);
        self.rest = rest;
    }

    /// Takes the frame at the front of `bytes`; returns its size, or `None` if it is not complete.
    fn frame(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let [first, second, rest @ ..] = bytes else { return None };
        let (first, masked) = (*first, *second & MASKED != 0);
        let (len, width, shortest) = match (*second & !MASKED, &*rest) {
            (126, [a, b, ..]) => (u16::from_be_bytes([*a, *b]).into(), 2, 126),
            (127, [a, b, c, d, e, f, g, h, ..]) => {
                (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 8, 0x1_0000)
            }
            (126 | 127, _) => return None,
            (short, _) => (short.into(), 0, 0),
        };
        if len > LONGEST {
            self.error = Some(Error::MessageTooBig);
            return None;
        }
        let key = if masked { 4 } else { 0 };
        let start = width + key;
        let payload = rest.get_mut(width..start + usize::try_from(len).ok()?)?;
        let (key, payload) = payload.split_at_mut(key);
        if let Ok(key) = <[u8; 4]>::try_from(&*key) {
            Mask::new(key).apply(payload);
        }
        let size = 2 + start + payload.len();
        if self.close().is_some() {
            self.after_close.push(first & 0x0F);
            return Some(size);
        }
        self.faults.masked |= masked;
        self.faults.reserved |= first & 0x70 & !self.claimed != 0;
        self.faults.long_length |= len < shortest;
        let payload = payload.to_vec();
        self.understand(first & (FIN_AND_OPCODE | self.claimed), payload);
        Some(size)
    }

    /// Gives a frame in its right form to the engine.
    fn understand(&mut self, first: u8, payload: Vec<u8>) {
        if first & 0x0F == CLOSE && payload.len() <= 125 {
            // The engine would not return the body of an invalid one.
            self.items.push(Item::Close(payload));
            return;
        }
        let mut frame = vec![first];
        frame.extend_from_slice(&length(payload.len()));
        frame.extend_from_slice(&payload);
        let (mut input, mut answers) = (&mut frame[..], Vec::new());
        loop {
            match self.engine.next_event(&mut input, &mut answers) {
                Ok(Some(Event::Text(text))) => {
                    self.items.push(Item::Message(text.into_owned().into_bytes()));
                }
                Ok(Some(Event::Binary(bytes))) => {
                    self.items.push(Item::Message(bytes.into_owned()));
                }
                Ok(Some(Event::Ping(_))) => self.items.push(Item::Ping),
                Ok(Some(Event::Pong(payload))) => self.items.push(Item::Pong(payload.to_vec())),
                Ok(Some(Event::Close(_)) | None) => break,
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Incoming {
        let mut incoming = Incoming::new(Extensions::none());
        // The cuts do not matter.
        bytes.iter().for_each(|byte| incoming.receive(&[*byte]));
        incoming
    }

    #[test]
    fn frames_become_messages() {
        let incoming = read(b"\x01\x02He\x8A\x01p\x80\x03llo\x89\x00\x88\x02\x03\xE8\x81\x01x");
        let expected = [
            Item::Pong(b"p".to_vec()),
            Item::Message(b"Hello".to_vec()),
            Item::Ping,
            Item::Close(b"\x03\xE8".to_vec()),
        ];
        assert_eq!(incoming.items, expected);
        assert_eq!(incoming.after_close, [1]);
        assert_eq!((incoming.faults, incoming.error), (Faults::default(), None));
    }

    #[test]
    fn faults_are_noted_and_do_not_hide_the_message() {
        let message = [Item::Message(b"Hello".to_vec())];
        let masked = read(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        assert_eq!(masked.items, message);
        assert_eq!(masked.faults, Faults { masked: true, ..Faults::default() });
        let reserved = read(b"\xD1\x05Hello");
        assert_eq!(reserved.items, message);
        assert_eq!(reserved.faults, Faults { reserved: true, ..Faults::default() });
        let long = read(b"\x81\x7F\0\0\0\0\0\0\0\x05Hello");
        assert_eq!(long.items, message);
        assert_eq!(long.faults, Faults { long_length: true, ..Faults::default() });
    }

    #[test]
    fn what_cannot_be_understood_is_an_error() {
        assert_eq!(read(b"\x83\x00").error, Some(Error::ReservedOpcode));
        assert_eq!(read(b"\x81\x01\xFF").error, Some(Error::InvalidUtf8));
        assert_eq!(read(b"\x81\x7F\0\0\0\0\x80\0\0\0").error, Some(Error::MessageTooBig));
    }
}
