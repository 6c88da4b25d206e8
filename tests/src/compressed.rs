//! The bytes of a peer, with each message compressed: the same messages must be received.

use flate2::{Compress, Compression, FlushCompress};
use wsproto::frame::{Expect, Header, MAX_HEADER_LEN, NextData, Opcode};
use wsproto::mask::Mask;

use crate::model::Role;

/// RSV1 in the first byte of a frame.
const RSV1: u8 = 0x40;

/// Compresses the messages of `wire`, all of which must be valid, into as many frames as they had. Control
/// frames stay where they are.
#[must_use]
pub fn compressed(role: Role, wire: &[u8]) -> Vec<u8> {
    let expect = match role {
        Role::Server => Expect::masked(),
        Role::Client => Expect::unmasked(),
    };
    let mut compress = Compress::new(Compression::default(), false);
    let (mut out, mut rest) = (Vec::new(), wire);
    // Frames of the open message, and control frames between them.
    let mut open: Vec<(Header, Vec<u8>)> = Vec::new();
    while !rest.is_empty() {
        let unfinished = open.iter().any(|(header, _)| !header.opcode.is_control());
        let data = if unfinished { NextData::Next } else { NextData::First };
        let Ok(Some((header, size))) = Header::parse(rest, &Expect { data, ..expect }) else {
            break;
        };
        let len = usize::try_from(header.len).expect("it is in memory");
        let Some(payload) = rest.get(size..size + len) else { break };
        rest = &rest[size + len..];
        let mut payload = payload.to_vec();
        Mask::new(header.mask.unwrap_or_default()).apply(&mut payload);
        let ends = header.fin && !header.opcode.is_control();
        open.push((header, payload));
        if ends {
            message(&mut compress, &mut open, &mut out);
        }
    }
    // A message that never ends, or control frames after the last message.
    for (header, payload) in open {
        append(&header, payload, &mut out);
    }
    out.extend_from_slice(rest);
    out
}

/// Compresses a message and appends its frames.
fn message(compress: &mut Compress, frames: &mut Vec<(Header, Vec<u8>)>, out: &mut Vec<u8>) {
    let is_data = |frame: &&(Header, Vec<u8>)| !frame.0.opcode.is_control();
    let payload: Vec<u8> =
        frames.iter().filter(is_data).flat_map(|frame| frame.1.clone()).collect();
    let count = frames.iter().filter(is_data).count();
    let mut whole = Vec::with_capacity(payload.len() + payload.len() / 100 + 64 + MAX_HEADER_LEN);
    if payload.is_empty() {
        whole.push(0);
    } else {
        compress.compress_vec(&payload, &mut whole, FlushCompress::Sync).expect("no error");
        whole.truncate(whole.len() - 4);
    }
    let step = whole.len().div_ceil(count);
    let mut parts = whole.chunks(step).chain(std::iter::repeat(&[][..]));
    for (mut header, payload) in frames.drain(..) {
        if header.opcode.is_control() {
            append(&header, payload, out);
            continue;
        }
        header.rsv = if header.opcode == Opcode::Continuation { 0 } else { RSV1 };
        append(&header, parts.next().expect("endless").to_vec(), out);
    }
}

fn append(header: &Header, mut payload: Vec<u8>, out: &mut Vec<u8>) {
    Header { len: payload.len() as u64, ..*header }.encode(out);
    Mask::new(header.mask.unwrap_or_default()).apply(&mut payload);
    out.extend_from_slice(&payload);
}
