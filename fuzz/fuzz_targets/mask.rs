//! `cargo fuzz run mask`, or, without libFuzzer, replays the files it is given.
#![cfg_attr(fuzzing, no_main)]

wsproto_fuzz::main!(mask);
