//! Control frames do not wait behind a long message that leaves in fragments.

use std::thread;
use std::time::Duration;

use conformance::adapters::Adapter;
use socket2::SockRef;
use ws_common::{ClientOptions, ServerOptions};
use wsproto::KeepAlive;

use crate::support::{
    LONG, On, Peer, address, by_hand, connect, end, frame, plain_frame, serve, switching,
};

const LEN: usize = 32 << 20;
const SIZE: usize = 64 << 10;
const PING: &[u8] = b"are you there?";

/// A Ping of the keep-alive is due while the message leaves.
const KEEP_ALIVE: KeepAlive = KeepAlive::new(Duration::from_millis(100), LONG);

/// Sends a long message at the opening.
fn long_winded() -> On {
    On::open(|ws| {
        ws.send(vec![7; LEN]).expect("nothing waits yet");
    })
}

/// Reads the message slowly, and pings meanwhile. The Pong, and the Ping of the keep-alive, arrive before
/// the rest of the message.
fn reads_slowly(peer: &mut Peer, ping: &[u8]) {
    SockRef::from(&peer.0).set_recv_buffer_size(64 << 10).expect("a size");
    let (mut received, mut pinged, mut ponged) = (0, None, None);
    while received < LEN {
        match peer.frame() {
            (0x89, _) => pinged = pinged.or(Some(received)),
            (0x8A, payload) => {
                assert_eq!(payload, PING);
                ponged = Some(received);
            }
            (first, payload) => {
                let is_first = if received == 0 { 0x02 } else { 0 };
                let is_last = if received + SIZE == LEN { 0x80 } else { 0 };
                assert_eq!((first, payload.len()), (is_first | is_last, SIZE));
                assert!(payload.iter().all(|byte| *byte == 7));
                received += SIZE;
                if received == 2 * SIZE {
                    peer.send(ping);
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
    assert!(ponged.is_some_and(|at| at < LEN / 2), "Pong: {ponged:?}");
    assert!(pinged.is_some_and(|at| at < LEN), "Ping: {pinged:?}");
}

// M15
pub(crate) fn a_pong_of_a_server_does_not_wait_for_a_message<S: Adapter>() {
    let options = ServerOptions::new().fragment_size(Some(SIZE)).keep_alive(Some(KEEP_ALIVE));
    let server = serve::<S, _>(options, long_winded);
    reads_slowly(&mut Peer::open_narrow(address(&server)), &frame(0x89, PING));
    end(server);
}

// M15
pub(crate) fn a_pong_of_a_client_does_not_wait_for_a_message<C: Adapter>() {
    let (to, serving) = by_hand(|mut peer, head| {
        peer.send(switching(&head, b""));
        reads_slowly(&mut peer, &plain_frame(0x89, PING));
        peer.send(plain_frame(0x88, b""));
    });
    let options = ClientOptions::new().fragment_size(Some(SIZE)).keep_alive(Some(KEEP_ALIVE));
    let client = connect::<C>(to, options, long_winded()).expect("it opens");
    serving.join().expect("both arrive early");
    client.join();
}
