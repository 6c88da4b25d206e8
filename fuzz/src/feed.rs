//! A protocol built on the engine: the feed of the examples of `wsproto-testing`.

#[path = "../../crates/wsproto-testing/examples/feed/protocol.rs"]
mod protocol;
#[path = "../../crates/wsproto-testing/examples/feed/server.rs"]
mod server;
#[path = "../../crates/wsproto-testing/examples/feed/world.rs"]
mod world;

use arbitrary::{Result, Unstructured};
use wsproto_testing::source;

use self::world::{Action, PLACES, World};

/// Any actions of a feed's clients: each client sees what a model says, for every cut.
pub fn feed(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let _ = run(&mut u);
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let mut world = World::new(u.arbitrary()?);
    let mut actions = Vec::new();
    while !u.is_empty() && actions.len() < 60 {
        actions.push(action(u)?);
    }
    world.play(&actions);
    Ok(())
}

fn action(u: &mut Unstructured<'_>) -> Result<Action> {
    let place = u.int_in_range(0..=PLACES - 1)?;
    Ok(match u.int_in_range(0..=15)? {
        0..=3 => Action::Connect(place, true),
        4 => Action::Connect(place, false),
        5 => Action::Close(place),
        6 => Action::Vanish(place),
        7 => Action::Wait(u.int_in_range(0..=8)?),
        8..=11 => Action::Say(vec![(place, line(u)?)]),
        _ => Action::Say(vec![(place, line(u)?), (u.int_in_range(0..=PLACES - 1)?, line(u)?)]),
    })
}

fn line(u: &mut Unstructured<'_>) -> Result<String> {
    let verb = *u.choose(&["login ", "subscribe ", "unsubscribe ", "publish ", ""])?;
    let rest = *u.choose(&["a", "b", "a 1", "b 2", "a ", ""])?;
    Ok(match u.int_in_range(0..=7)? {
        0 => source::text(u)?,
        _ => format!("{verb}{rest}"),
    })
}
