//! `cargo fuzz run utf8`, or, without libFuzzer, replays the files it is given.
#![cfg_attr(fuzzing, no_main)]

wsproto_fuzz::main!(utf8);
