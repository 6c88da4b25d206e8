//! `cargo fuzz run negotiate`, or, without libFuzzer, replays the files it is given.
#![cfg_attr(fuzzing, no_main)]

wsproto_fuzz::main!(negotiate);
