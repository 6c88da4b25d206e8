//! Peers that never read: their queues are bounded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ws_common::Message;

use crate::flood::{FLOOD, Flood, Flooded, READ, SMALL, assert_within, grown, stuck};
use crate::heap::Meter;
use crate::peer::{Peer, frame};

/// Sends the same frame until the server pauses reading, because too many replies are queued.
fn send_and_never_read<S: Flooded>(name: &str, unit: &[u8], answer_len: usize) {
    let chunk = unit.repeat(READ / unit.len() + 1);
    let flood = Flood::<S>::new();
    let mark = flood.handle().options().config.high_water_mark;
    let peer = Peer::open(flood.address());
    let (mut writer, connection) = (peer.clone(), flood.newest());
    let sent = AtomicUsize::new(0);
    let meter = Meter::start();
    let taken = thread::scope(|scope| {
        scope.spawn(|| {
            while sent.load(Ordering::SeqCst) < FLOOD && writer.try_send(&chunk) {
                sent.fetch_add(chunk.len(), Ordering::SeqCst);
            }
        });
        let taken = stuck(&sent, &connection);
        peer.vanish();
        taken
    });
    let taken = taken.expect("the server stops");
    assert!(taken < FLOOD, "the server does not read for ever");
    // The mark, one reply beyond it, and one read.
    let bound = grown(mark + answer_len + READ) + SMALL;
    assert_within::<S>(name, taken, &meter, bound);
    drop((peer, writer, connection));
    flood.end();
}

/// A37: reading pauses.
pub(crate) fn pongs_for_a_peer_that_never_reads_are_bounded<S: Flooded>() {
    let ping = frame(0x89, &[b'p'; 125]);
    send_and_never_read::<S>("37: Pings, never reads", &ping, ping.len());
}

pub(crate) fn echoes_for_a_peer_that_never_reads_are_bounded<S: Flooded>() {
    for (name, len) in
        [("messages of 125 B, never reads", 125), ("messages of 64 KiB, never reads", 64 << 10)]
    {
        let message = frame(0x82, &vec![b'm'; len]);
        // The received message and its echo.
        send_and_never_read::<S>(name, &message, 2 * message.len());
    }
}

/// `publish` never waits, and returns the connections without room. `broadcast` does the same, but also
/// reaches the bystander.
pub(crate) fn what_is_published_for_a_peer_that_never_reads_is_bounded<S: Flooded>() {
    const MESSAGE: usize = 16 << 10;

    let message = Message::from(vec![b'b'; MESSAGE]);
    let flood = Flood::<S>::new();
    let mark = flood.handle().options().config.high_water_mark;
    let peer = Peer::open(flood.address());
    let connection = flood.newest();
    connection.subscribe("news").expect("open");
    let meter = Meter::start();
    let mut taken = 0;
    for _ in 0..FLOOD / MESSAGE {
        let reached = flood.handle().publish("news", message.clone());
        assert_eq!(reached.sent + reached.refused.len(), 1);
        taken += reached.sent * MESSAGE;
    }
    peer.vanish();
    assert!(taken < FLOOD, "it is refused in the end");
    // The mark, one message beyond it, and the refused one.
    let bound = grown(mark + 2 * MESSAGE) + SMALL;
    assert_within::<S>("published, never reads", taken, &meter, bound);
    drop((peer, connection));
    flood.end();
}
