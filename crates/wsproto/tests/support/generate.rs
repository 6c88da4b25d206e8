//! What tests with random input are made of.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wsproto::{Config, Connection, Event};

use super::{End, config};

/// Something that a peer might send, right or wrong.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(String),
    Binary(Vec<u8>),
    /// A message in fragments, a Ping behind each.
    Fragments(Vec<Vec<u8>>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    /// A frame with whatever first byte.
    Odd(u8, Vec<u8>),
    /// No frame at all.
    Noise(Vec<u8>),
}

impl Part {
    pub(crate) fn encode<R: End>(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => R::from_peer(0x81, text.as_bytes()),
            Self::Binary(bytes) => R::from_peer(0x82, bytes),
            Self::Fragments(parts) => {
                let mut wire = Vec::new();
                for (index, part) in parts.iter().enumerate() {
                    let fin = if index + 1 == parts.len() { 0x80 } else { 0 };
                    wire.extend(R::from_peer(fin | if index == 0 { 2 } else { 0 }, part));
                    wire.extend(R::from_peer(0x89, part.get(..3).unwrap_or_default()));
                }
                wire
            }
            Self::Ping(payload) => R::from_peer(0x89, payload),
            Self::Pong(payload) => R::from_peer(0x8A, payload),
            Self::Close(code, reason) => {
                R::from_peer(0x88, &[&code.to_be_bytes()[..], reason.as_bytes()].concat())
            }
            Self::Odd(first, payload) => R::from_peer(*first, payload),
            Self::Noise(bytes) => bytes.clone(),
        }
    }
}

pub(crate) fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=most)
}

pub(crate) fn part() -> impl Strategy<Value = Part> {
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

/// What arrives, and the lengths of the parts in which it does.
pub(crate) fn wire<R: End>() -> impl Strategy<Value = Vec<u8>> {
    vec(part(), 0..12).prop_map(|parts| parts.iter().flat_map(Part::encode::<R>).collect())
}

pub(crate) fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![1]), vec(1..50_usize, 1..20)]
}

pub(crate) fn cut<'a>(mut bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    for len in cuts.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (front, back) = bytes.split_at(bytes.len().min(*len));
        parts.push(front);
        bytes = back;
    }
    parts
}

/// Limits that what is generated here can exceed.
pub(crate) fn limits() -> Config {
    config(|config| {
        config.max_message_size = 120;
        config.max_frame_size = 110;
        config.max_fragments = 4;
    })
}

/// What one end asks of its engine.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Text(String),
    Binary(Vec<u8>),
    Fragments(Vec<String>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

pub(crate) fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        "\\PC{0,200}".prop_map(Ask::Text),
        bytes(300).prop_map(Ask::Binary),
        vec("\\PC{0,30}", 1..6).prop_map(Ask::Fragments),
        bytes(125).prop_map(Ask::Ping),
        bytes(125).prop_map(Ask::Pong),
    ]
}

/// Asks for it, and returns what the other end must see.
pub(crate) fn do_ask<R: End>(
    ws: &mut Connection<R>,
    ask: &Ask,
    out: &mut Vec<u8>,
) -> Vec<Event<'static>> {
    match ask {
        Ask::Text(text) => {
            ws.send_text(text, out).expect("open");
            vec![Event::Text(text.clone().into())]
        }
        Ask::Binary(bytes) => {
            ws.send_binary(bytes, out).expect("open");
            vec![Event::Binary(bytes.clone().into())]
        }
        Ask::Fragments(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let fin = index + 1 == parts.len();
                ws.sender().send_text_fragment(part, fin, out).expect("open");
                if !fin {
                    ws.ping(b"between", out).expect("open");
                }
            }
            let pings = (1..parts.len()).map(|_| Event::Ping(b"between"[..].into()));
            pings.chain([Event::Text(parts.concat().into())]).collect()
        }
        Ask::Ping(payload) => {
            ws.ping(payload, out).expect("short");
            vec![Event::Ping(payload.clone().into())]
        }
        Ask::Pong(payload) => {
            ws.sender().pong(payload, out).expect("short");
            vec![Event::Pong(payload.clone().into())]
        }
    }
}
