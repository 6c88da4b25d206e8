//! `cargo fuzz run parts`, or, without libFuzzer, replays the files it is given.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wsproto_fuzz::parts(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    wsproto_fuzz::replay(wsproto_fuzz::parts)
}
