//! Numbered messages: frames that publish them, and those that arrive.

use std::io::{self, ErrorKind};
use std::sync::LazyLock;

use benches::workload::Kind;
use wsproto::frame::{Header, Opcode};

/// Bytes of a payload that are the number of the message; those of all payloads follow.
const NUMBER: usize = 8;

/// The longest header of a frame that a server sends.
const HEADER: usize = 10;

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// The longest payload.
const LONGEST: usize = 60 << 10;

/// The bytes after the number in each payload.
static AFTER_NUMBER: LazyLock<Vec<u8>> = LazyLock::new(|| Kind::Binary.payload(LONGEST));

/// The frames of messages of one size, which differ in their numbers.
#[derive(Debug)]
pub(super) struct Publication {
    /// Bytes of a header.
    header: usize,
    frame: Vec<u8>,
    frames: Vec<u8>,
}

impl Publication {
    pub(super) fn new(size: usize) -> Self {
        let mut frame = Vec::new();
        let len = size as u64;
        Header { fin: true, rsv: 0, opcode: Opcode::Binary, mask: Some(KEY), len }
            .encode(&mut frame);
        let header = frame.len();
        frame.extend([0; NUMBER]);
        frame.extend(Kind::Binary.payload(size - NUMBER));
        for (byte, key) in frame[header..].iter_mut().zip(KEY.iter().cycle()) {
            *byte ^= key;
        }
        Self { header, frame, frames: Vec::new() }
    }

    /// Returns the frames of `count` messages, from the number `first` on.
    pub(super) fn frames(&mut self, first: u64, count: usize) -> &[u8] {
        self.frames.clear();
        for number in (first..).take(count) {
            let at = self.frames.len() + self.header;
            self.frames.extend_from_slice(&self.frame);
            for (byte, new) in self.frames[at..][..NUMBER].iter_mut().zip(number.to_le_bytes()) {
                *byte ^= new;
            }
        }
        &self.frames
    }
}

/// The frames that a subscriber receives. They may be cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// The number of the last message.
    pub(super) last: u64,
    /// Whether the next one has to follow it; otherwise, some may be missing between them.
    pub(super) misses_none: bool,
    /// The header of a frame and its number, as far as they have arrived.
    head: Vec<u8>,
    /// Bytes of the payload after the number.
    size: usize,
    /// How many of these have arrived.
    arrived: usize,
}

impl Receiver {
    /// Compares what has arrived. Returns how many messages have arrived whole with it.
    pub(super) fn take(&mut self, mut input: &[u8]) -> io::Result<usize> {
        let mut whole = 0;
        while !input.is_empty() {
            let missing = self.head_len() - self.head.len();
            if missing > 0 {
                let (head, rest) = input.split_at(missing.min(input.len()));
                self.head.extend_from_slice(head);
                input = rest;
                if self.head_len() == self.head.len() {
                    self.begin()?;
                }
            } else {
                let left = self.size - self.arrived;
                let (part, rest) = input.split_at(left.min(input.len()));
                if AFTER_NUMBER.get(self.arrived..self.arrived + part.len()) != Some(part) {
                    return Err(unexpected("other bytes than those that were published"));
                }
                self.arrived += part.len();
                input = rest;
            }
            if self.head_len() == self.head.len() && self.arrived == self.size {
                whole += 1;
                self.head.clear();
            }
        }
        Ok(whole)
    }

    /// How long the header and the number are, as far as that is known.
    fn head_len(&self) -> usize {
        NUMBER
            + match self.head.get(1) {
                Some(126) => 4,
                Some(127) => HEADER,
                _ => 2,
            }
    }

    /// Begins with the payload, after its number.
    fn begin(&mut self) -> io::Result<()> {
        let (header, number) = self.head.split_at(self.head.len() - NUMBER);
        let size = match header {
            [0x82, len @ ..126] => usize::from(*len),
            [0x82, 126, high, low] => usize::from(u16::from_be_bytes([*high, *low])),
            _ => return Err(unexpected("a frame that is no message")),
        };
        let number = number.try_into().map(u64::from_le_bytes).map_err(io::Error::other)?;
        let follows = match self.misses_none {
            true => number == self.last + 1,
            false => number > self.last,
        };
        if !follows {
            return Err(unexpected("messages in another order than they were published"));
        }
        self.last = number;
        self.size = size.checked_sub(NUMBER).ok_or(ErrorKind::InvalidData)?;
        self.arrived = 0;
        Ok(())
    }
}

fn unexpected(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the server sends {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames of a server, as a list of numbers and sizes.
    fn wire(messages: &[(u64, usize)]) -> Vec<u8> {
        let mut wire = Vec::new();
        for (number, size) in messages {
            let len = *size as u64;
            Header { fin: true, rsv: 0, opcode: Opcode::Binary, mask: None, len }.encode(&mut wire);
            wire.extend(number.to_le_bytes());
            wire.extend(Kind::Binary.payload(size - NUMBER));
        }
        wire
    }

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let wire = wire(&[(1, 125), (2, 8), (3, 4096), (4, LONGEST)]);
        for step in [1, 7, 130, 5000, wire.len()] {
            let mut receiver = Receiver { misses_none: true, ..Receiver::default() };
            let whole = wire.chunks(step).map(|part| receiver.take(part).expect("all is right"));
            assert_eq!((whole.sum::<usize>(), receiver.last), (4, 4), "{step}");
        }
    }

    #[test]
    fn what_differs_is_an_error() {
        let take = |wire: &[u8], misses_none| {
            Receiver { misses_none, ..Receiver::default() }.take(wire).map_err(|e| e.to_string())
        };
        let gap = wire(&[(1, 125), (3, 125)]);
        assert_eq!(take(&gap, false), Ok(2));
        assert!(take(&gap, true).expect_err("2 is missing").contains("order"));
        assert!(take(&wire(&[(2, 9), (2, 9)]), false).expect_err("twice").contains("order"));
        let mut changed = wire(&[(1, 125)]);
        changed[100] ^= 1;
        assert!(take(&changed, false).expect_err("a changed byte").contains("other bytes"));
        assert!(
            take(&[0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0], false)
                .expect_err("a Ping")
                .contains("no message")
        );
    }

    #[test]
    fn a_publication_is_masked_and_numbered() {
        let mut publication = Publication::new(125);
        let frames = publication.frames(300, 2).to_vec();
        let (first, second) = frames.split_at(frames.len() / 2);
        for (frame, number) in [(first, 300_u64), (second, 301)] {
            let unmasked: Vec<u8> =
                frame[6..].iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            assert_eq!(unmasked[..NUMBER], number.to_le_bytes());
            assert_eq!(unmasked[NUMBER..], Kind::Binary.payload(117));
        }
    }
}
