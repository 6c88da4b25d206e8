//! Every case of the corpus, through the reference model and through the engine: in one piece, byte
//! by byte, in every cut in two, in whole messages and in pieces, in every role it names.
//!
//! Proves I1, I2 and I6, and the rules that the cases name.

use std::cell::Cell;
use std::path::Path;

use conformance::cases::{self, Case};
use conformance::engine;
use conformance::model::{self, Limits, Outcome, Role, Seen};

const KEYS: [[u8; 4]; 2] = [[0; 4], [0x9C, 0x27, 0xE1, 0x5B]];

/// The longest input that is tried in every cut in two; longer ones reach the same code paths.
const EVERY_CUT: usize = 600;

/// The cuts tried in a flood: its first frames are enough, because the rest repeats them.
const CUTS_OF_A_FLOOD: usize = 40;

fn corpus() -> Vec<Case> {
    cases::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/cases")))
}

/// Runs a check on every case, in every role, with every key.
fn for_each(check: impl Fn(&Case, Role, &[u8], &str)) {
    for case in corpus() {
        for &role in &case.roles {
            for key in KEYS {
                let input = case.input(role, key);
                let place = format!("{} `{}` as {role:?}, key {key:02X?}", case.place, case.name);
                check(&case, role, &input, &place);
            }
        }
    }
}

fn is_error(event: &Seen) -> bool {
    matches!(event, Seen::Error { .. })
}

fn is_reserved_bit(event: &Seen) -> bool {
    matches!(event, Seen::Error { rule: "ReservedBit", .. })
}

fn assert_outcome(case: &Case, outcome: &Outcome, place: &str) {
    assert_eq!(outcome.events, case.events, "events of {place}");
    assert_eq!(outcome.out, case.out, "output of {place}");
}

#[test]
fn the_model_agrees() {
    for_each(|case, role, input, place| {
        assert_outcome(case, &model::run(role, &case.limits, input), place);
    });
}

#[test]
fn in_one_piece() {
    for_each(|case, role, input, place| {
        assert_outcome(case, &engine::run(role, &case.limits, [input]), place);
    });
}

#[test]
fn byte_by_byte() {
    for_each(|case, role, input, place| {
        assert_outcome(case, &engine::run(role, &case.limits, input.chunks(1)), place);
    });
}

#[test]
fn at_every_cut_in_two() {
    for_each(|case, role, input, place| {
        let flood = input.len() > 10 * EVERY_CUT;
        let most = if flood { CUTS_OF_A_FLOOD } else { EVERY_CUT };
        for cut in 1..input.len().min(most) {
            let (front, back) = input.split_at(cut);
            let outcome = engine::run(role, &case.limits, [front, back]);
            assert_outcome(case, &outcome, &format!("{place}, cut at {cut}"));
        }
    });
}

#[test]
fn in_parts_of_some_bytes() {
    for_each(|case, role, input, place| {
        for len in [2, 3, 5, 7, 1460] {
            let outcome = engine::run(role, &case.limits, input.chunks(len));
            assert_outcome(case, &outcome, &format!("{place}, parts of {len}"));
        }
    });
}

#[test]
fn in_pieces() {
    for_each(|case, role, input, place| {
        for len in [usize::MAX, 1, 3, 1460] {
            let outcome = engine::run_pieces(role, &case.limits, input.chunks(len));
            assert_outcome(case, &outcome, &format!("{place}, pieces of parts of {len}"));
        }
    });
}

#[test]
fn in_place() {
    for_each(|case, role, input, place| {
        for (most, len) in [(14, 1), (100, 3), (1000, 1460), (usize::MAX, 7)] {
            let outcome = engine::run_in_place(role, &case.limits, most, input.chunks(len));
            assert_outcome(case, &outcome, &format!("{place}, {most} bytes of parts of {len}"));
        }
    });
}

/// Plain frames mean the same on a connection that may compress; only RSV1 has an owner.
#[test]
fn with_compression_agreed() {
    for_each(|case, role, input, place| {
        if !case.events.iter().any(is_reserved_bit) {
            for len in [1, 7, usize::MAX] {
                let outcome = engine::run_compressing(role, &case.limits, input.chunks(len));
                assert_outcome(case, &outcome, &format!("{place}, compression agreed"));
            }
        }
    });
}

/// Every case without a violation, with its messages compressed: R7692-6-2, R7692-6-4.
#[test]
fn with_every_message_compressed() {
    let compressed = Cell::new(0);
    for_each(|case, role, input, place| {
        if case.limits == Limits::default() && !case.events.iter().any(is_error) {
            let wire = conformance::compressed::compressed(role, input);
            compressed.set(compressed.get() + usize::from(wire != input));
            for len in [1, 7, usize::MAX] {
                let outcome = engine::run_compressing(role, &case.limits, wire.chunks(len));
                assert_outcome(case, &outcome, &format!("{place}, compressed"));
            }
        }
    });
    assert!(compressed.get() > 100, "{compressed:?} runs have a message");
}
