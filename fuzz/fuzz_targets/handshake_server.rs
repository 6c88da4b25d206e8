//! `cargo fuzz run handshake_server`, or, without libFuzzer, replays the files it is given.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wsproto_fuzz::handshake_server(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    wsproto_fuzz::replay(wsproto_fuzz::handshake_server)
}
