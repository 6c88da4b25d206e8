//! Connections that wait after a large message.

use crate::flood::{Flood, Flooded, SMALL};
use crate::heap::Meter;
use crate::peer::{Peer, frame};

/// One that waits has neither a read buffer nor one for output, however much it has echoed.
pub(crate) fn an_echo_leaves_no_buffer<S: Flooded>() {
    const PEERS: usize = 100;
    /// The memory that an echo may leave for each connection, in bytes.
    const EACH: usize = 1 << 10;

    // Below and above the size from which on a payload is written from where it lies.
    for len in [8 << 10, 32 << 10] {
        let message = frame(0x82, &vec![b'm'; len]);
        let header = [&[0x82, 126][..], &(len as u16).to_be_bytes()].concat();
        let echo = [header, vec![b'm'; len]].concat();
        let flood = Flood::<S>::new();
        let mut peers: Vec<_> = (0..PEERS).map(|_| Peer::open(flood.address())).collect();
        let meter = Meter::start();
        for peer in &mut peers {
            peer.send(&message);
            echo.chunks(256).for_each(|part| peer.expect(part));
        }
        meter.settle(0..=PEERS * EACH + S::KEEPS + SMALL);
        drop(peers);
        flood.end();
    }
}
