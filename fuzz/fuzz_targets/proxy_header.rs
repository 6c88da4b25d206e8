//! `cargo fuzz run proxy_header`, or, without libFuzzer, replays the files it is given.
#![cfg_attr(fuzzing, no_main)]

wsproto_fuzz::main!(proxy_header);
