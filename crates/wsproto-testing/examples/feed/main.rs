//! A feed whose clients log in, subscribe and publish, on virtual networks. Its protocol is tested by
//! `tests/feed.rs`, and by the fuzz target `feed`.

mod protocol;
mod server;
mod world;

use world::{Action, World};
use wsproto_testing::Cuts;

fn main() {
    let say = |place, line: &str| Action::Say(vec![(place, line.into())]);
    let script = [
        Action::Connect(0, true),
        Action::Connect(1, true),
        Action::Connect(2, false),
        say(0, "login ada"),
        say(0, "subscribe news"),
        say(1, "publish news too early"),
        say(1, "login grace"),
        say(1, "publish news It compiles"),
        Action::Wait(60),
        Action::Connect(2, true),
        say(2, "login ada"),
        Action::Close(1),
        Action::Vanish(2),
    ];
    World::new(Cuts::every(1)).play(&script);
    println!("{} actions, and every client saw what it had to see", script.len());
}
