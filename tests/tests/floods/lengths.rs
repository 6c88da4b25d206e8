//! Payload lengths in frame headers.

use ws_common::ServerOptions;

use crate::flood::{Flood, Flooded, SMALL, assert_within};
use crate::heap::Meter;
use crate::peer::{Peer, header};

const PEERS: usize = 200;

/// The memory of an incomplete message and a Close, in bytes.
const EACH: usize = 2 << 10;

/// A2, A3: refused at the header, with 1009.
pub(crate) fn a_length_beyond_the_limit_reserves_nothing<S: Flooded>() {
    let limit = ServerOptions::new().config.max_message_size;
    for (name, len) in [("2: 2^63 - 1 announced", u64::MAX >> 1), ("3: limit + 1", limit + 1)] {
        let header = header(0x82, len);
        let flood = Flood::<S>::new();
        let mut peers: Vec<_> = (0..PEERS).map(|_| Peer::open(flood.address())).collect();
        let meter = Meter::start();
        let sent = peers.iter_mut().map(|peer| peer.repeat(&header, 1)).sum();
        for peer in &mut peers {
            assert_eq!(peer.last(), *b"\x88\x02\x03\xF1");
        }
        assert_within::<S>(name, sent, &meter, PEERS * EACH + SMALL);
        drop(peers);
        flood.end();
    }
}

/// A4: the header announces the limit, and only one byte follows.
pub(crate) fn a_length_at_the_limit_reserves_next_to_nothing<S: Flooded>() {
    let mut begun = header(0x82, ServerOptions::new().config.max_message_size);
    begun.push(b'x');
    let flood = Flood::<S>::new();
    let mut peers: Vec<_> = (0..PEERS).map(|_| Peer::open(flood.address())).collect();
    let meter = Meter::start();
    let sent = peers.iter_mut().map(|peer| peer.repeat(&begun, 1)).sum();
    // An incomplete frame has no answer, but a server that has seen the end has read the frame before it.
    peers.iter().for_each(Peer::end_output);
    for peer in &mut peers {
        assert_eq!(peer.last(), [0; 4], "there is nothing to say");
    }
    assert_within::<S>("4: limit announced, one byte", sent, &meter, PEERS * EACH + SMALL);
    drop(peers);
    flood.end();
}
