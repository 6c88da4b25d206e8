//! Opening handshakes in memory, medians of interleaved rounds; and what they allocate, counted by
//! `allocations`, because to count takes time.
//!
//! ```text
//! cargo run --release --bin handshake -- [--rounds N] [--handshakes N] [--peers NAME,NAME...]
//!     [--take median|minimum]
//! ```
//!
//! Writes a line for each end and implementation: end, peer, nanoseconds, allocations, bytes of them.

use std::env;
use std::error::Error;
use std::process::Command;

use peers::Rounds;
use peers::handshake::{End, Written, answer, peers};

const USAGE: &str = "usage: handshake [--rounds N] [--handshakes N] [--peers NAME,NAME...] \
    [--take median|minimum]";

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments().ok_or(USAGE)?;
    let peers: Vec<_> = peers().into_iter().filter(|peer| options.wants(peer.name())).collect();
    let allocations = allocations()?;
    println!("end\tpeer\tns_per_handshake\tallocations\tbytes_allocated");
    for end in [End::Server, End::Client(answer)] {
        for peer in &peers {
            end.verify(&**peer)
                .map_err(|error| format!("{} {}: {error}", peer.name(), end.name()))?;
        }
        let written = Written::default();
        let handshakes = options.handshakes;
        let work = |at: usize| (0..handshakes).try_for_each(|_| end.shake(&*peers[at], &written));
        for (peer, time) in peers.iter().zip(options.rounds.times(peers.len(), work)?) {
            let time = time.as_secs_f64() * 1e9 / handshakes as f64;
            let cell = format!("{}\t{}\t", end.name(), peer.name());
            let counted = allocations.lines().find_map(|line| line.strip_prefix(&cell));
            println!("{cell}{time:.0}\t{}", counted.ok_or("allocations were not counted")?);
        }
    }
    Ok(())
}

/// The output of `allocations`, which is built beside this program.
fn allocations() -> Result<String, Box<dyn Error>> {
    let program = env::current_exe()?.with_file_name("allocations");
    let output = Command::new(&program)
        .arg("handshake")
        .output()
        .map_err(|error| format!("{}: {error}: build all programs (--bins)", program.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

struct Options {
    rounds: Rounds,
    handshakes: usize,
    peers: Vec<String>,
}

impl Options {
    fn from_arguments() -> Option<Self> {
        let mut options = Self { rounds: Rounds::default(), handshakes: 5000, peers: Vec::new() };
        let mut arguments = env::args().skip(1);
        while let Some(option) = arguments.next() {
            let value = arguments.next()?;
            match option.as_str() {
                "--handshakes" => options.handshakes = value.parse().ok().filter(|n| *n > 0)?,
                "--peers" => options.peers = value.split(',').map(Into::into).collect(),
                option => options.rounds.set(option, &value)?,
            }
        }
        Some(options)
    }

    fn wants(&self, peer: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|name| name == peer)
    }
}
