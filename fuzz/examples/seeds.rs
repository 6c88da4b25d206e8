//! Writes the case data of the conformance tests as a corpus for the target `receive`: `cargo run
//! -p wsproto-fuzz --example seeds -- FOLDER`. `./check fuzz` starts with it.

use std::path::Path;
use std::{env, fs, io};

use conformance::cases;
use conformance::model::Role;

/// Longer cases are floods, and unsuitable as seeds.
const LONGEST: usize = 4096;

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).ok_or_else(|| io::Error::other("usage: seeds FOLDER"))?;
    fs::create_dir_all(&folder)?;
    let cases = cases::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases")));
    for (index, case) in cases.iter().enumerate() {
        for role in &case.roles {
            let wire = case.input(*role, [0x9C, 0x27, 0xE1, 0x5B]);
            if wire.len() <= LONGEST {
                // The role, the default limits, and some way of cutting.
                let seed = [&[u8::from(*role == Role::Client), index as u8][..], &wire].concat();
                fs::write(Path::new(&folder).join(format!("case-{index}-{role:?}")), seed)?;
            }
        }
    }
    Ok(())
}
