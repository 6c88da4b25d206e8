//! `cargo fuzz run feed`, or, without libFuzzer, replays the files it is given.
#![cfg_attr(fuzzing, no_main)]

wsproto_fuzz::main!(feed);
