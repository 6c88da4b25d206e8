//! Compressed messages that never end, or inflate for ever.

use ws_common::ServerOptions;
use wsproto::Deflate;

use crate::flood::{Flood, Flooded, SMALL, assert_within, grown};
use crate::heap::Meter;
use crate::peer::{Peer, frame};

/// The codec states that are kept for later connections: two sets, one of them the loop's.
const TOOLS: usize = 2 * (128 << 10) + (1 << 20);

/// The longest message, by default.
const LIMIT: usize = 1 << 20;

fn flood<S: Flooded>() -> Flood<S> {
    Flood::with(ServerOptions::default().deflate(Deflate::new()), S::KEEPS + TOOLS)
}

/// A stored block of any bytes.
fn stored(len: u16) -> Vec<u8> {
    let mut block = vec![0];
    block.extend(len.to_le_bytes());
    block.extend((!len).to_le_bytes());
    block.extend((0..len).map(|index| (index % 251).to_le_bytes()[0]));
    block
}

/// No codec state is held for a message that has not arrived.
pub(crate) fn half_a_compressed_message_holds_its_bytes<S: Flooded>() {
    const PEERS: usize = 200;
    /// The bytes of each message that arrive.
    const HALF: usize = 8 << 10;
    /// The memory of a connection besides its message, in bytes.
    const EACH: usize = 4 << 10;

    let block = frame(0x42, &stored(8 << 10)[..HALF]);
    let flood = flood::<S>();
    let meter = Meter::start();
    let mut peers: Vec<_> = (0..PEERS).map(|_| Peer::open_compressing(flood.address())).collect();
    let sent = peers.iter_mut().map(|peer| peer.repeat(&block, 1)).sum();
    let (least, each) = (PEERS * HALF, PEERS * (EACH + 2 * HALF));
    meter.settle(least..=each + S::KEEPS + SMALL);
    for peer in &mut peers {
        peer.ping();
    }
    let bound = each + PEERS * S::BUFFER + grown(HALF) + SMALL;
    assert_within::<S>("half a compressed message each, 200 peers", sent, &meter, bound);
    drop(peers);
    flood.end();
}

/// A thousand to one: refused with 1009, when the limit is inflated.
pub(crate) fn a_bomb_holds_one_limit<S: Flooded>() {
    // A match of 258 bytes at a distance of 1 takes two bytes at most.
    let mut bits: Vec<u8> = vec![0, 1, 0];
    let mut code = |value: u32, len: u32| {
        bits.extend((0..len).rev().map(|bit| u8::from(value >> bit & 1 != 0)));
    };
    code(0x30, 8);
    for _ in 0..(64 << 20) / 258 {
        code(0xC5, 8);
        code(0, 5);
    }
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    let bomb = frame(0xC2, &bits.chunks(8).map(byte).collect::<Vec<u8>>());
    drop(bits);
    let flood = flood::<S>();
    let mut peer = Peer::open_compressing(flood.address());
    let meter = Meter::start();
    let sent = peer.repeat(&bomb, 1);
    assert_eq!(peer.last(), *b"\x88\x02\x03\xF1");
    // The compressed bytes, and what they inflate to.
    let bound = S::BUFFER + grown(bomb.len()) + grown(LIMIT) + TOOLS + SMALL;
    assert_within::<S>("a bomb of 64 MiB", sent, &meter, bound);
    drop(peer);
    flood.end();
}

/// Blocks that inflate to nothing: refused with 1009, when more than a little over the limit arrived.
pub(crate) fn empty_blocks_without_end_are_refused<S: Flooded>() {
    let blocks = [0x00, 0x00, 0x00, 0xFF, 0xFF].repeat(2000);
    let fragments = frame(0x00, &blocks);
    let flood = flood::<S>();
    let mut peer = Peer::open_compressing(flood.address());
    let meter = Meter::start();
    peer.send(&frame(0x41, b""));
    let mut sent = 0;
    while sent < 2 * LIMIT && peer.try_send(&fragments) {
        sent += fragments.len();
    }
    assert_eq!(peer.last(), *b"\x88\x02\x03\xF1");
    let bound = S::BUFFER + grown(LIMIT + LIMIT / 1024) + SMALL;
    assert_within::<S>("empty blocks without end", sent, &meter, bound);
    drop(peer);
    flood.end();
}
