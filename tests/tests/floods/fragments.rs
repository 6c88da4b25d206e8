//! Endless messages.

use std::thread;

use crate::flood::{Flood, Flooded, READ, SMALL, assert_within, grown};
use crate::heap::Meter;
use crate::peer::{Peer, frame};

/// A17: refused with 1008 at the limit; nothing is buffered until then.
pub(crate) fn empty_fragments_hold_nothing_and_end<S: Flooded>() {
    for (name, ping) in
        [("17: empty fragments", &b""[..]), ("17: with Pings", &b"\x89\x80\0\0\0\0"[..])]
    {
        let fragments = [&frame(0x00, b"")[..], ping].concat().repeat(1000);
        let flood = Flood::<S>::new();
        let mut peer = Peer::open(flood.address());
        let mut writer = peer.clone();
        let meter = Meter::start();
        peer.send(&frame(0x01, b""));
        let sent = thread::scope(|scope| {
            let writing = scope.spawn(|| writer.repeat(&fragments, 200));
            // 1008, after all Pongs.
            assert_eq!(peer.last(), *b"\x88\x02\x03\xF0");
            writing.join().expect("a server that reads to the end")
        });
        // A Pong is as long as its Ping.
        let replies = if ping.is_empty() { 0 } else { grown(READ) };
        assert_within::<S>(name, sent, &meter, replies + S::BUFFER + SMALL);
        drop((peer, writer));
        flood.end();
    }
}

/// A18: one buffer for all fragments, and no allocation per fragment.
pub(crate) fn fragments_of_a_byte_hold_their_bytes<S: Flooded>() {
    const FRAGMENTS: usize = 100_000;

    let fragments = frame(0x00, b"a").repeat(1000);
    let flood = Flood::<S>::new();
    let mut peer = Peer::open(flood.address());
    let meter = Meter::start();
    peer.send(&frame(0x01, b""));
    let sent = peer.repeat(&fragments, FRAGMENTS / 1000);
    peer.ping();
    meter.settle(FRAGMENTS..=2 * FRAGMENTS + SMALL);
    let bound = S::BUFFER + grown(FRAGMENTS) + SMALL;
    assert_within::<S>("18: fragments of a byte", sent, &meter, bound);
    drop(peer);
    flood.end();
}

/// A19: a message in many parts takes the memory of the bytes received.
pub(crate) fn bytes_that_come_one_by_one_hold_themselves<S: Flooded>() {
    const BYTES: usize = 128 << 10;

    let (fragment, last) = (frame(0x02, &[b'a'; BYTES]), frame(0x80, b""));
    let flood = Flood::<S>::new();
    let mut peer = Peer::open(flood.address());
    let meter = Meter::start();
    fragment.chunks(1).for_each(|byte| peer.send(byte));
    peer.ping();
    meter.settle(BYTES..=2 * BYTES + SMALL);
    let bound = S::BUFFER + grown(BYTES) + SMALL;
    assert_within::<S>("19: a byte at a time", fragment.len(), &meter, bound);
    peer.send(&last);
    peer.expect(b"\x82\x7F\0\0\0\0\0\x02\0\0aaaa");
    drop(peer);
    flood.end();
}
