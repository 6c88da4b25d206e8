//! The feed of the examples: any actions of its clients, compared with a model after each.

#[path = "../examples/feed/protocol.rs"]
mod protocol;
#[path = "../examples/feed/server.rs"]
mod server;
#[path = "../examples/feed/world.rs"]
mod world;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wsproto_testing::{Cuts, cuts};

use world::{Action, PLACES, World};

/// Generates a line: mostly commands with few names, so that clients meet.
fn line() -> impl Strategy<Value = String> {
    let name = || select(vec!["a", "b"]);
    prop_oneof![
        4 => name().prop_map(|name| format!("login {name}")),
        3 => name().prop_map(|topic| format!("subscribe {topic}")),
        1 => name().prop_map(|topic| format!("unsubscribe {topic}")),
        4 => (name(), 0..100_u8).prop_map(|(topic, text)| format!("publish {topic} {text}")),
        1 => "(login|subscribe|publish|jump)? ?[a-c ]{0,4}",
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let place = || 0..PLACES;
    prop_oneof![
        4 => (place(), prop::bool::weighted(0.9)).prop_map(|(place, member)| Action::Connect(place, member)),
        8 => vec((place(), line()), 1..4).prop_map(Action::Say),
        1 => place().prop_map(Action::Close),
        1 => place().prop_map(Action::Vanish),
        1 => (0..8_u8).prop_map(Action::Wait),
    ]
}

/// Returns the action in which a client says a line.
fn say(place: usize, line: &str) -> Action {
    Action::Say(vec![(place, line.into())])
}

/// Found by the property below: the end of a replaced client removed its user, although the user had
/// logged in elsewhere.
#[test]
fn a_user_who_has_moved_is_not_forgotten() {
    World::new(Cuts::every(1)).play(&[
        Action::Connect(0, true),
        Action::Connect(1, true),
        say(0, "login a"),
        say(1, "login a"),
        Action::Connect(0, true),
        say(0, "login a"),
    ]);
}

/// Found by the property below: a client that was replaced was still heard until its Close was answered.
#[test]
fn a_client_that_was_replaced_publishes_no_more() {
    World::new(Cuts::every(1)).play(&[
        Action::Connect(0, true),
        Action::Connect(1, true),
        Action::Connect(2, true),
        say(1, "login a"),
        say(1, "subscribe a"),
        say(2, "login b"),
        Action::Say(vec![(0, "login b".into()), (2, "publish a 0".into())]),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

    #[test]
    fn every_client_sees_what_it_must(actions in vec(action(), 0..30), cuts in cuts()) {
        World::new(cuts).play(&actions);
    }
}
