//! Everything after the opening handshake, compared with the reference model.

use conformance::engine;
use conformance::model::{self, Limits, Role};
use wsproto_testing::Cuts;

/// Arbitrary bytes from a peer, in both roles: events and output equal the model's for every cut
/// (I1, I2, I3, I6, I7), in whole messages, in place and in pieces.
pub fn receive(data: &[u8]) {
    let [choice, seed, wire @ ..] = data else { return };
    check(role(*choice), &limits(choice >> 1), wire, &Cuts::from_seed(*seed));
}

/// Returns the role that a byte selects.
pub(crate) const fn role(choice: u8) -> Role {
    if choice & 1 == 0 { Role::Server } else { Role::Client }
}

/// Returns the limits that a byte selects.
pub(crate) fn limits(choice: u8) -> Limits {
    match choice & 3 {
        0 => Limits::default(),
        1 => Limits { max_message_size: 128, ..Limits::default() },
        2 => Limits { max_frame_size: 100, max_fragments: 3, ..Limits::default() },
        _ => Limits { max_message_size: 0, max_frame_size: u64::MAX, max_fragments: 1 },
    }
}

/// Compares the engine with the model.
pub(crate) fn check(role: Role, limits: &Limits, wire: &[u8], cuts: &Cuts) {
    let expected = model::run(role, limits, wire);
    for outcome in [
        engine::run(role, limits, [wire]),
        engine::run(role, limits, wire.chunks(1)),
        engine::run(role, limits, cuts.cut(wire)),
        engine::run_in_place(role, limits, 20, wire.chunks(1)),
        engine::run_in_place(role, limits, 1000, cuts.cut(wire)),
        engine::run_pieces(role, limits, [wire]),
        engine::run_pieces(role, limits, cuts.cut(wire)),
    ] {
        assert_eq!(outcome.events, expected.events);
        assert_eq!(outcome.out, expected.out);
    }
}
