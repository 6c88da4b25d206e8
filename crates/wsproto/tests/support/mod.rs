//! What the tests of the engine share: frames written and read by hand, not by the code under test.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub(crate) mod generate;
pub(crate) mod life;

use wsproto::frame::Opcode;
use wsproto::{Client, Config, Connection, Error, Event, Role, Server};

/// A seed for tests. Nothing else may use one that is known.
pub(crate) const SEED: [u8; 32] = [7; 32];

/// The key of the frames that tests write.
pub(crate) const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// An opcode that no specification defines: wrong from its first byte on.
pub(crate) const VIOLATION: [u8; 1] = [0x83];

/// Which end the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// What has a side: a role that tests can ask.
pub(crate) trait End: Role + Sized {
    const SIDE: Side;

    /// Opens a connection with the default limits.
    fn connect() -> Connection<Self> {
        Self::connect_with(Config::default())
    }

    /// Opens a connection with these limits.
    fn connect_with(config: Config) -> Connection<Self>;

    /// A frame as the peer of this end sends it.
    fn from_peer(first: u8, payload: &[u8]) -> Vec<u8> {
        frame(first, (Self::SIDE == Side::Server).then_some(KEY), payload)
    }
}

impl End for Server {
    const SIDE: Side = Side::Server;

    fn connect_with(config: Config) -> Connection<Self> {
        Connection::server(config)
    }
}

impl End for Client {
    const SIDE: Side = Side::Client;

    fn connect_with(config: Config) -> Connection<Self> {
        Connection::client(config, SEED)
    }
}

/// The default limits, but for what `change` changes.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// Writes a frame.
pub(crate) fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, key, payload.len() as u64);
    frame.extend(xor(payload, key.unwrap_or_default()));
    frame
}

/// Writes the header of a frame.
pub(crate) fn header(first: u8, key: Option<[u8; 4]>, len: u64) -> Vec<u8> {
    let masked = if key.is_some() { 0x80 } else { 0 };
    let mut header = match len {
        0..=125 => vec![first, masked | len as u8],
        126..=0xFFFF => vec![first, masked | 126, (len >> 8) as u8, len as u8],
        _ => [&[first, masked | 127][..], &len.to_be_bytes()].concat(),
    };
    header.extend(key.into_iter().flatten());
    header
}

/// The byte loop of RFC 6455 section 5.3.
pub(crate) fn xor(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect()
}

/// A frame that was sent, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The first byte: FIN, reserved bits, opcode.
    pub(crate) first: u8,
    pub(crate) key: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
}

impl Sent {
    pub(crate) fn is(&self, opcode: Opcode) -> bool {
        self.first & 0x0F == opcode as u8
    }

    /// The code of a Close, if it has one.
    pub(crate) fn close_code(&self) -> Option<u16> {
        match *self.payload {
            [high, low, ..] if self.is(Opcode::Close) => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }
}

/// Reads what was sent; it must be whole frames.
pub(crate) fn sent(mut bytes: &[u8]) -> Vec<Sent> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        let (len, rest) = match second & 0x7F {
            126 => (u64::from(rest[0]) << 8 | u64::from(rest[1]), &rest[2..]),
            127 => (rest[..8].iter().fold(0, |len, byte| len << 8 | u64::from(*byte)), &rest[8..]),
            short => (u64::from(short), rest),
        };
        let (key, rest) = match rest {
            [a, b, c, d, rest @ ..] if second & 0x80 != 0 => (Some([*a, *b, *c, *d]), rest),
            rest => (None, rest),
        };
        let (payload, rest) = rest.split_at(usize::try_from(len).expect("a length in memory"));
        let payload = xor(payload, key.unwrap_or_default());
        frames.push(Sent { first: *first, key, payload });
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a frame was sent");
    frames
}

/// How many Closes were sent; nothing may follow one (promise I10).
pub(crate) fn closes(out: &[u8]) -> usize {
    let frames = sent(out);
    let closes = frames.iter().filter(|frame| frame.is(Opcode::Close)).count();
    assert!(closes == 0 || frames.last().is_some_and(|last| last.is(Opcode::Close)));
    closes
}

/// Gives `bytes` to the connection, and returns what it reports.
pub(crate) fn feed<R: Role>(
    ws: &mut Connection<R>,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<Vec<Event<'static>>, Error> {
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    let mut events = Vec::new();
    while let Some(event) = ws.next_event(&mut input, out)? {
        events.push(event.into_owned());
    }
    assert!(input.is_empty(), "I1: input was left over");
    Ok(events)
}
