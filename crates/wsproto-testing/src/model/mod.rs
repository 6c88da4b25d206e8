//! A naive reference receiver for RFC 6455, to compare the engine with.
//!
//! It takes all the bytes at once, processes them one by one, owns everything and optimises
//! nothing, so that a reader can check each rule by eye. It covers everything after the opening
//! handshake, without extensions.
//!
//! Bytes are checked strictly in order of arrival, and a violation is reported at the first byte
//! that decides it. If one byte breaks several rules, the first of them in [`RULES`] is reported.

mod utf8;
use std::slice::Iter;

use utf8::{Sequence, is_utf8, sequence};

/// Which side of the connection receives the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The server: every received frame must be masked.
    Server,
    /// The client: no received frame may be masked.
    Client,
}

/// The limits of the receiver; each is inclusive, and zero means zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest payload of a whole message, in bytes.
    pub max_message_size: u64,
    /// Largest payload of one data frame, in bytes.
    pub max_frame_size: u64,
    /// Largest number of frames in one message.
    pub max_fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_message_size: 64 << 20, max_frame_size: u64::MAX, max_fragments: 131_072 }
    }
}

/// An event reported to the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A complete text message.
    Text(String),
    /// A complete binary message.
    Binary(Vec<u8>),
    /// A Ping; the reply is a Pong.
    Ping(Vec<u8>),
    /// A Pong, solicited or not.
    Pong(Vec<u8>),
    /// A Close, with its close code and reason if it had a body.
    Close(Option<(u16, String)>),
    /// The peer broke a rule; the connection fails with this close code.
    Error {
        /// The name of the rule, one of [`RULES`].
        rule: &'static str,
        /// The close code that goes with it.
        close_code: u16,
    },
}

/// The result of receiving the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The events reported to the application, in order.
    pub events: Vec<Seen>,
    /// The reply frames, in order: unmasked in either role, with minimal headers.
    pub out: Vec<u8>,
}

/// Every rule a peer can break, with the close code of the violation, in the order of the checks.
pub const RULES: [(&str, u16); 16] = [
    // The first byte: FIN, RSV1-3, opcode.
    ("ReservedOpcode", 1002),
    ("ReservedBit", 1002),
    ("FragmentedControl", 1002),
    ("UnexpectedContinuation", 1002),
    ("UnfinishedMessage", 1002),
    ("TooManyFragments", 1008),
    // The second byte: MASK, payload length.
    ("UnmaskedFrame", 1002),
    ("MaskedFrame", 1002),
    ("ControlTooLong", 1002),
    // The extended payload length. `MessageTooBig` may already be known at the second byte.
    ("LengthTopBit", 1002),
    ("NonMinimalLength", 1002),
    ("MessageTooBig", 1009),
    // The payload.
    ("InvalidUtf8", 1007),
    ("TruncatedCloseCode", 1002),
    ("InvalidCloseCode", 1002),
    ("InvalidCloseReason", 1007),
];

/// Receives `input` from its first byte to its last, or to the byte that ends the connection.
#[must_use]
pub fn run(role: Role, limits: &Limits, input: &[u8]) -> Outcome {
    let mut receiver =
        Receiver { role, limits, input: input.iter(), open: None, outcome: Outcome::default() };
    let end = loop {
        if let Err(end) = receiver.frame() {
            break end;
        }
    };
    let mut outcome = receiver.outcome;
    if let End::Violation { rule, close_code } = end {
        outcome.events.push(Seen::Error { rule, close_code });
        write_frame(CLOSE, &close_code.to_be_bytes(), &mut outcome.out);
    }
    outcome
}

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// The reason why receiving stops.
enum End {
    /// The input has ended, inside a frame or between two.
    Input,
    /// The peer's Close has been answered; everything after it is ignored.
    Closed,
    /// The peer broke a rule.
    Violation { rule: &'static str, close_code: u16 },
}

/// Returns the violation of `rule`.
fn violation(rule: &str) -> End {
    let (rule, close_code) =
        RULES.into_iter().find(|(name, _)| *name == rule).expect("the rule is listed");
    End::Violation { rule, close_code }
}

/// A message of which at least the first byte of the first frame has been accepted.
struct Message {
    /// The opcode of the first frame, which applies to all of them.
    opcode: u8,
    /// Frames so far, the current one included.
    fragments: u32,
    /// Payload so far, unmasked.
    payload: Vec<u8>,
    /// In a text message, the bytes of an incomplete UTF-8 sequence.
    begun: Vec<u8>,
}

struct Receiver<'i> {
    role: Role,
    limits: &'i Limits,
    input: Iter<'i, u8>,
    open: Option<Message>,
    outcome: Outcome,
}

impl Receiver<'_> {
    fn byte(&mut self) -> Result<u8, End> {
        self.input.next().copied().ok_or(End::Input)
    }

    /// Receives one frame.
    fn frame(&mut self) -> Result<(), End> {
        let first = self.byte()?;
        let fin = first & 0x80 != 0;
        let opcode = first & 0x0F;
        self.judge_first_byte(first)?;
        match opcode {
            CLOSE | PING | PONG => self.control_frame(opcode),
            _ => self.data_frame(opcode, fin),
        }
    }

    fn judge_first_byte(&self, first: u8) -> Result<(), End> {
        let fin = first & 0x80 != 0;
        let reserved_bits = first & 0x70;
        let opcode = first & 0x0F;
        if matches!(opcode, 0x3..=0x7 | 0xB..=0xF) {
            return Err(violation("ReservedOpcode"));
        }
        if reserved_bits != 0 {
            return Err(violation("ReservedBit"));
        }
        if matches!(opcode, CLOSE | PING | PONG) && !fin {
            return Err(violation("FragmentedControl"));
        }
        if opcode == CONTINUATION && self.open.is_none() {
            return Err(violation("UnexpectedContinuation"));
        }
        if matches!(opcode, TEXT | BINARY) && self.open.is_some() {
            return Err(violation("UnfinishedMessage"));
        }
        let fragments = self.open.as_ref().map_or(0, |message| message.fragments);
        if opcode == CONTINUATION && fragments >= self.limits.max_fragments {
            return Err(violation("TooManyFragments"));
        }
        Ok(())
    }

    /// Receives the rest of a control frame, then acts on it.
    fn control_frame(&mut self, opcode: u8) -> Result<(), End> {
        let length = self.length_code()?;
        if length > 125 {
            return Err(violation("ControlTooLong"));
        }
        let key = self.masking_key()?;
        let mut payload = Vec::new();
        for index in 0..usize::from(length) {
            payload.push(self.byte()? ^ key[index % 4]);
        }
        match opcode {
            PING => {
                write_frame(PONG, &payload, &mut self.outcome.out);
                self.outcome.events.push(Seen::Ping(payload));
                Ok(())
            }
            PONG => {
                self.outcome.events.push(Seen::Pong(payload));
                Ok(())
            }
            _ => {
                let body = read_close_body(&payload)?;
                write_frame(CLOSE, &payload, &mut self.outcome.out);
                self.outcome.events.push(Seen::Close(body));
                Err(End::Closed)
            }
        }
    }

    /// Receives the rest of a data frame, and hands out the message if this frame is its last.
    fn data_frame(&mut self, opcode: u8, fin: bool) -> Result<(), End> {
        let nothing_yet = Message { opcode, fragments: 0, payload: Vec::new(), begun: Vec::new() };
        let mut message = self.open.take().unwrap_or(nothing_yet);
        message.fragments += 1;

        let received = u64::try_from(message.payload.len()).expect("a length fits 64 bits");
        let room = self.limits.max_frame_size.min(self.limits.max_message_size - received);
        let length = self.data_length(room)?;
        let key = self.masking_key()?;
        for index in 0..length {
            let byte = self.byte()? ^ key[usize::try_from(index % 4).expect("below four")];
            message.payload.push(byte);
            if message.opcode == TEXT {
                message.begun.push(byte);
                match sequence(&message.begun) {
                    Sequence::Whole => message.begun.clear(),
                    Sequence::Begun => {}
                    Sequence::IllFormed => return Err(violation("InvalidUtf8")),
                }
            }
        }
        if !fin {
            self.open = Some(message);
            return Ok(());
        }
        if !message.begun.is_empty() {
            return Err(violation("InvalidUtf8"));
        }
        self.outcome.events.push(match message.opcode {
            TEXT => {
                Seen::Text(String::from_utf8(message.payload).expect("every sequence was whole"))
            }
            _ => Seen::Binary(message.payload),
        });
        Ok(())
    }

    /// Reads the second byte: checks the MASK bit and returns the 7-bit length.
    fn length_code(&mut self) -> Result<u8, End> {
        let second = self.byte()?;
        let masked = second & 0x80 != 0;
        match (self.role, masked) {
            (Role::Server, false) => Err(violation("UnmaskedFrame")),
            (Role::Client, true) => Err(violation("MaskedFrame")),
            _ => Ok(second & 0x7F),
        }
    }

    /// Reads the whole payload length of a data frame, which must not exceed `room` bytes.
    fn data_length(&mut self, room: u64) -> Result<u64, End> {
        let (extended_bytes, fits_shorter_form) = match self.length_code()? {
            126 => (2, 125),
            127 => (8, 65_535),
            length if u64::from(length) > room => return Err(violation("MessageTooBig")),
            length => return Ok(u64::from(length)),
        };
        // Bytes that have not arrived can be anything from 00 to FF.
        let mut lowest = 0;
        for unknown_bytes in (0..extended_bytes).rev() {
            let byte = self.byte()?;
            if unknown_bytes == 7 && byte & 0x80 != 0 {
                return Err(violation("LengthTopBit"));
            }
            lowest |= u64::from(byte) << (8 * unknown_bytes);
            let highest = lowest | ((1 << (8 * unknown_bytes)) - 1);
            if highest <= fits_shorter_form {
                return Err(violation("NonMinimalLength"));
            }
            if lowest > room {
                return Err(violation("MessageTooBig"));
            }
        }
        Ok(lowest)
    }

    /// Reads the masking key, which only frames from a client have; without one, XOR with zero
    /// changes nothing.
    fn masking_key(&mut self) -> Result<[u8; 4], End> {
        match self.role {
            Role::Server => Ok([self.byte()?, self.byte()?, self.byte()?, self.byte()?]),
            Role::Client => Ok([0; 4]),
        }
    }
}

/// Parses the body of a Close: nothing, or a close code in two bytes and a reason in UTF-8.
fn read_close_body(body: &[u8]) -> Result<Option<(u16, String)>, End> {
    let (code, reason) = match body {
        [] => return Ok(None),
        [_] => return Err(violation("TruncatedCloseCode")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(violation("InvalidCloseCode"));
    }
    if !is_utf8(reason) {
        return Err(violation("InvalidCloseReason"));
    }
    Ok(Some((code, String::from_utf8(reason.to_vec()).expect("it was checked"))))
}

/// Appends an unmasked control frame to `out`.
fn write_frame(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    out.push(u8::try_from(payload.len()).expect("a control payload has at most 125 bytes"));
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_are_accepted_as_the_registry_says() {
        let accepted = (0..=u16::MAX).filter(|code| read_close_body(&code.to_be_bytes()).is_ok());
        let registry = (1000..=1003).chain(1007..=1014).chain(3000..=4999);
        assert!(accepted.eq(registry));
    }

    #[test]
    fn no_input_and_no_limit_panics() {
        // Every pair of header bytes, with some input after it, in either role.
        let limits = [
            Limits::default(),
            Limits { max_message_size: 0, max_frame_size: 0, max_fragments: 0 },
        ];
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                for (role, limits) in [Role::Server, Role::Client]
                    .into_iter()
                    .flat_map(|r| limits.iter().map(move |l| (r, l)))
                {
                    let _ = run(role, limits, &[first, second, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
                    let _ = run(
                        role,
                        limits,
                        &[first, second, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
                    );
                }
            }
        }
    }
}
