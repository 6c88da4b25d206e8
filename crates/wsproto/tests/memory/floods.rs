//! Floods of empty fragments and of control frames.

use wsproto::{Client, Error, Server};
use wsproto_testing::{End, Frame};

use crate::meter::meter;

/// A17, I4: endless empty fragments, with or without Pings between them, hold no memory, and hit
/// the limit.
#[test]
fn a_flood_of_empty_fragments_is_flat_and_ends() {
    for ping in [&b""[..], &Server::from_peer(0x89, b"")] {
        let mut meter = meter::<Server>();
        meter.feed(&mut Server::from_peer(0x01, b"")).expect("the first fragment");
        let limit = meter.ws.config().max_fragments;
        assert!(limit >= 65_536, "A17, R6455-10.4-2: Autobahn sends as many");
        let mut fragments = 1;
        let result = loop {
            meter.out.clear();
            let mut more = [&Server::from_peer(0x00, b"")[..], ping].concat();
            if let Err(error) = meter.feed(&mut more) {
                break error;
            }
            fragments += 1;
            assert_eq!(meter.held, 0);
        };
        assert_eq!((result, fragments), (Error::TooManyFragments, limit));
        assert_eq!(Frame::read_all(&meter.out)[0].close_code(), Some(1008));
    }
}

/// A37, A38, I3: a million Pings or Pongs: nothing is kept, and the reply to a Ping has no more
/// bytes than the Ping.
#[test]
fn floods_of_control_frames_are_flat() {
    fn check<R: End>(first: u8, payload: &[u8], most: usize) {
        let wire = R::from_peer(first, payload).repeat(1000);
        let mut meter = meter::<R>();
        let mut buffer = wire.clone();
        for _ in 0..1000 {
            buffer.copy_from_slice(&wire);
            meter.out.clear();
            meter.feed(&mut buffer).expect("legal");
            assert!(meter.out.len() <= most * wire.len());
        }
        assert_eq!((meter.held, meter.allocations), (0, 0));
        assert_eq!(meter.out.is_empty(), first == 0x8A);
    }
    check::<Server>(0x89, &[b'p'; 125], 1);
    check::<Client>(0x89, &[b'p'; 125], 2);
    check::<Server>(0x8A, b"stale", 0);
    check::<Client>(0x8A, b"", 0);
}
