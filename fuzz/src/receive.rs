//! Everything after the opening handshake, beside the reference model.

use conformance::engine;
use conformance::model::{self, Limits, Role};

use crate::cut;

/// Any bytes from a peer, in both roles: the engine sees and sends what the model says, however the
/// bytes are cut (I1, I2, I3, I6, I7), in whole messages and in pieces.
pub fn receive(data: &[u8]) {
    let [choice, seed, wire @ ..] = data else { return };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let limits = match choice >> 1 & 3 {
        0 => Limits::default(),
        1 => Limits { max_message_size: 128, ..Limits::default() },
        2 => Limits { max_frame_size: 100, max_fragments: 3, ..Limits::default() },
        _ => Limits { max_message_size: 0, max_frame_size: u64::MAX, max_fragments: 1 },
    };

    let expected = model::run(role, &limits, wire);
    for outcome in [
        engine::run(role, &limits, [wire]),
        engine::run(role, &limits, wire.chunks(1)),
        engine::run(role, &limits, cut(wire, *seed)),
        engine::run_pieces(role, &limits, [wire]),
        engine::run_pieces(role, &limits, cut(wire, *seed)),
    ] {
        assert_eq!(outcome.events, expected.events);
        assert_eq!(outcome.out, expected.out);
    }
}
