//! Unsolicited control frames.

use crate::flood::{Flood, Flooded, SMALL, assert_within};
use crate::heap::Meter;
use crate::peer::{Peer, frame};

/// A38.
pub(crate) fn unsolicited_pongs_hold_nothing<S: Flooded>() {
    let pongs = [frame(0x8A, b""), frame(0x8A, b"stale"), frame(0x8A, &[b'p'; 125])];
    let pongs = pongs.concat().repeat(1000);
    let flood = Flood::<S>::new();
    let mut peer = Peer::open(flood.address());
    let meter = Meter::start();
    let sent = peer.repeat(&pongs, 100);
    peer.ping();
    assert_within::<S>("38: unsolicited Pongs", sent, &meter, S::DEFERS + S::BUFFER + SMALL);
    peer.close();
    flood.end();
}
