//! The bodies of the fuzz targets: plain functions that panic if a promise is broken.
//!
//! Each takes any bytes. The first ones choose the role, the limits and the cuts, the rest is what
//! the peer sends; so a corpus is a folder of files, and a finding is one file more.

mod handshake;
mod parts;
mod receive;

use std::{env, fs, io};

pub use handshake::{handshake_client, handshake_server};
pub use parts::parts;
pub use receive::receive;

/// Runs a target on the files that are named as arguments.
///
/// # Errors
///
/// The first file that cannot be read.
pub fn replay(target: impl Fn(&[u8])) -> io::Result<()> {
    for path in env::args().skip(1) {
        println!("{path}");
        target(&fs::read(path)?);
    }
    Ok(())
}

/// Cuts bytes into parts, whose lengths repeat a pattern that `seed` chooses; none is empty.
fn cut(bytes: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let lengths = [1, 2, 3, 5, 7, 14, 125, 1460];
    let (mut rest, mut turn) = (bytes, usize::from(seed));
    std::iter::from_fn(move || {
        let len = lengths[turn % lengths.len()].min(rest.len());
        turn += 1 + usize::from(seed >> 4);
        let (part, after) = rest.split_at(len);
        rest = after;
        (len > 0).then_some(part)
    })
}
