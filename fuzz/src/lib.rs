//! The bodies of the fuzz targets: plain functions that panic if a promise is broken.
//!
//! Each takes arbitrary bytes, so a corpus is a folder of files, and a finding is one more file.
//! Targets for a peer's input take it verbatim, behind a few bytes that select the role, the limits
//! and the cuts; the others build a structure from the bytes, with `arbitrary`.

mod deflate;
mod feed;
mod frames;
mod handshake;
mod mask;
mod proxy_header;
mod receive;
mod script;
mod text;
mod two_engines;

use std::{env, fs, io};

pub use deflate::{deflate, negotiate};
pub use feed::feed;
pub use frames::frames;
pub use handshake::{handshake_client, handshake_server};
pub use mask::mask;
pub use proxy_header::proxy_header;
pub use receive::receive;
pub use script::script;
pub use text::{close, extensions, url, utf8};
pub use two_engines::two_engines;

/// A target.
pub type Target = fn(&[u8]);

/// Every target, with its name.
pub const TARGETS: [(&str, Target); 15] = [
    ("receive", receive),
    ("frames", frames),
    ("handshake_server", handshake_server),
    ("handshake_client", handshake_client),
    ("script", script),
    ("two_engines", two_engines),
    ("deflate", deflate),
    ("negotiate", negotiate),
    ("extensions", extensions),
    ("url", url),
    ("close", close),
    ("utf8", utf8),
    ("mask", mask),
    ("proxy_header", proxy_header),
    ("feed", feed),
];

/// Defines the `main` of a target: libFuzzer's under `cargo fuzz`, and [`replay`] otherwise.
#[macro_export]
macro_rules! main {
    ($target:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$target(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            $crate::replay($crate::$target)
        }
    };
}

/// Runs a target on the files named as arguments.
///
/// # Errors
///
/// The error of the first file that cannot be read.
pub fn replay(target: Target) -> io::Result<()> {
    for path in env::args().skip(1) {
        println!("{path}");
        target(&fs::read(path)?);
    }
    Ok(())
}
