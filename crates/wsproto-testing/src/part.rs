//! Input from a peer, valid or not.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::{End, Frame};
use wsproto::Config;

/// A part of a peer's input, valid or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A binary message in fragments, with a Ping after each.
    Fragments(Vec<Vec<u8>>),
    /// A Ping.
    Ping(Vec<u8>),
    /// A Pong.
    Pong(Vec<u8>),
    /// A Close with that code, valid or not, and reason.
    Close(u16, String),
    /// A frame with any first byte.
    Odd(u8, Vec<u8>),
    /// Bytes that need not be frames.
    Noise(Vec<u8>),
}

impl Part {
    /// Encodes it with that masking key: `Some` to a server, `None` to a client.
    #[must_use]
    pub fn encode(&self, key: Option<[u8; 4]>) -> Vec<u8> {
        let frame = |first, payload: &[u8]| Frame::new(first, key, payload).encode();
        match self {
            Self::Text(text) => frame(0x81, text.as_bytes()),
            Self::Binary(bytes) => frame(0x82, bytes),
            Self::Fragments(parts) => {
                let mut wire = Vec::new();
                for (index, part) in parts.iter().enumerate() {
                    let fin = if index + 1 == parts.len() { 0x80 } else { 0 };
                    wire.extend(frame(fin | if index == 0 { 2 } else { 0 }, part));
                    wire.extend(frame(0x89, part.get(..3).unwrap_or_default()));
                }
                wire
            }
            Self::Ping(payload) => frame(0x89, payload),
            Self::Pong(payload) => frame(0x8A, payload),
            Self::Close(code, reason) => {
                frame(0x88, &[&code.to_be_bytes()[..], reason.as_bytes()].concat())
            }
            Self::Odd(first, payload) => frame(*first, payload),
            Self::Noise(bytes) => bytes.clone(),
        }
    }
}

/// Generates at most `most` bytes.
pub fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=most)
}

/// Generates a [`Part`]; most are valid.
pub fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        6 => "\\PC{0,60}".prop_map(Part::Text),
        4 => bytes(150).prop_map(Part::Binary),
        6 => vec(bytes(40), 1..6).prop_map(Part::Fragments),
        4 => bytes(125).prop_map(Part::Ping),
        2 => bytes(125).prop_map(Part::Pong),
        1 => (select(vec![1000, 1001, 1005, 2000, 4000]), "\\PC{0,20}")
            .prop_map(|(code, reason)| Part::Close(code, reason)),
        2 => (any::<u8>(), bytes(130)).prop_map(|(first, payload)| Part::Odd(first, payload)),
        1 => bytes(30).prop_map(Part::Noise),
    ]
}

/// Generates input for an end in that role: up to eleven [`Part`]s in a row.
pub fn wire<R: End>() -> impl Strategy<Value = Vec<u8>> {
    vec(part(), 0..12)
        .prop_map(|parts| parts.iter().flat_map(|part| part.encode(R::peer_key())).collect())
}

/// Returns limits that the generated input can exceed.
#[must_use]
pub fn limits() -> Config {
    Config::new().max_message_size(120).max_frame_size(110).max_fragments(4)
}
