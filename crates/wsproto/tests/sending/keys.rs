//! Masking keys: a fresh one for every frame, and the same ones for the same seed.

use std::collections::HashSet;

use wsproto::{Client, CloseFrame, Config, Connection};
use wsproto_testing::{End, Frame, SEED};

use crate::support::feed;

/// R6455-5.3-2, R6455-10.3-1: a fresh key for every frame, control frames and Close included.
#[test]
fn equal_frames_of_a_client_differ() {
    let mut ws = Client::connect();
    let mut out = Vec::new();
    for _ in 0..2 {
        ws.send_text("same", &mut out).expect("open");
        ws.send_binary(b"same", &mut out).expect("open");
        ws.ping(b"same", &mut out).expect("open");
        ws.sender().pong(b"same", &mut out).expect("open");
        ws.sender().send_text_fragment("same", false, &mut out).expect("open");
        ws.sender().send_text_fragment("same", true, &mut out).expect("open");
        feed(&mut ws, &Client::from_peer(0x89, b"same"), &mut out).expect("a Ping");
    }
    ws.close(None, &mut out).expect("open");
    let keys: HashSet<_> =
        Frame::read_all(&out).iter().map(|frame| frame.key.expect("masked")).collect();
    assert_eq!(keys.len(), 15);
}

fn keys(seed: [u8; 32], count: usize) -> Vec<u32> {
    let mut ws = Connection::client(Config::default(), seed);
    let mut out = Vec::with_capacity(6 * count);
    for _ in 0..count {
        ws.send_binary(b"", &mut out).expect("open");
    }
    let frames = out.as_chunks::<6>().0.iter();
    frames.map(|[.., a, b, c, d]| u32::from_be_bytes([*a, *b, *c, *d])).collect()
}

/// A55, I8, R6455-5.3-3, R6455-10.3-1: each bit of a key is unbiased and independent of the
/// previous key, keys hardly ever repeat, and another seed gives other keys.
#[test]
fn the_keys_of_a_million_frames_look_random() {
    const COUNT: usize = 1_000_000;
    let ours = keys(SEED, COUNT);
    assert_eq!(ours.len(), COUNT);
    assert_eq!(ours, keys(SEED, COUNT), "I8: the same seed gives the same keys");

    // A fair coin stays within five standard deviations of one half.
    let fair = |count: usize| count.abs_diff(COUNT / 2) < 2_500;
    for bit in 0..32 {
        assert!(fair(ours.iter().filter(|key| *key >> bit & 1 == 1).count()), "bit {bit}");
        let flips = ours.windows(2).filter(|pair| (pair[0] ^ pair[1]) >> bit & 1 == 1);
        assert!(fair(flips.count()), "bit {bit} against the key before");
    }
    // Among a million values from 2^32, about 116 pairs are equal.
    let distinct: HashSet<_> = ours.iter().copied().collect();
    assert!(COUNT - distinct.len() < 200);
    let theirs = keys([8; 32], COUNT);
    assert!(theirs.iter().filter(|key| distinct.contains(key)).count() < 400);
}

/// I8: the same seed and the same calls, the same bytes.
#[test]
fn one_seed_gives_one_output() {
    let run = |seed| {
        let mut ws = Connection::client(Config::default(), seed);
        let mut out = Vec::new();
        ws.send_text("a", &mut out).expect("open");
        feed(&mut ws, &Client::from_peer(0x89, b"b"), &mut out).expect("a Ping");
        ws.close(CloseFrame::normal("c").ok().as_ref(), &mut out).expect("open");
        out
    };
    assert_eq!(run(SEED), run(SEED));
    assert_ne!(run(SEED), run([8; 32]));
}
