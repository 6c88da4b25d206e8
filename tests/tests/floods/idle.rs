//! Connections that wait after a large message.

use ws_common::Message;

use crate::flood::{Flood, Flooded, SMALL};
use crate::heap::Meter;
use crate::peer::{Peer, frame};

const PEERS: usize = 100;

/// The memory of a connection that waits, in bytes.
const EACH: usize = 4 << 10;

/// Below and above the size from which on a payload is written from where it lies.
const LENGTHS: [usize; 2] = [8 << 10, 32 << 10];

/// Connects, has each connection do something, and checks that it has neither a read buffer afterwards, nor more than a
/// small one for output.
fn leaves_no_buffer<S: Flooded>(each: impl Fn(&Flood<S>, &mut Peer)) -> (Flood<S>, Vec<Peer>) {
    let flood = Flood::<S>::new();
    let meter = Meter::start();
    let connect = |_| {
        let mut peer = Peer::open(flood.address());
        each(&flood, &mut peer);
        peer
    };
    let peers: Vec<_> = (0..PEERS).map(connect).collect();
    meter.settle(0..=PEERS * EACH + S::KEEPS + SMALL);
    (flood, peers)
}

fn expect_message(peer: &mut Peer, len: usize) {
    peer.expect(&[0x82, 126]);
    peer.expect(&(len as u16).to_be_bytes());
    (0..len / 256).for_each(|_| peer.expect(&[b'm'; 256]));
}

pub(crate) fn an_echo_leaves_no_buffer<S: Flooded>() {
    for len in LENGTHS {
        let message = frame(0x82, &vec![b'm'; len]);
        let (flood, peers) = leaves_no_buffer::<S>(|_, peer| {
            peer.send(&message);
            expect_message(peer, len);
        });
        drop(peers);
        flood.end();
    }
}

/// Another thread sends while the connection waits for input.
pub(crate) fn a_message_of_another_thread_leaves_no_buffer<S: Flooded>() {
    for len in LENGTHS {
        let message = Message::from(vec![b'm'; len]);
        let (flood, peers) = leaves_no_buffer::<S>(|flood, peer| {
            flood.newest().send(message.clone()).expect("it is open");
            expect_message(peer, len);
        });
        drop(peers);
        flood.end();
    }
}

/// The connection does not wait for input.
pub(crate) fn a_pause_leaves_no_buffer<S: Flooded>() {
    for len in LENGTHS {
        let message = [frame(0x82, &vec![b'm'; len]), frame(0x81, b"pause")].concat();
        let (flood, mut peers) = leaves_no_buffer::<S>(|_, peer| {
            peer.send(&message);
            expect_message(peer, len);
            peer.expect(b"\x81\x05pause");
        });
        for peer in &mut peers {
            peer.send(&frame(0x82, &vec![b'm'; len]));
        }
        for connection in flood.handle().connections() {
            connection.resume();
        }
        peers.iter_mut().for_each(|peer| expect_message(peer, len));
        drop(peers);
        flood.end();
    }
}
