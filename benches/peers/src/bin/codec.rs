//! The codec table: every workload, size and implementation in one run, medians of interleaved rounds.
//!
//! ```text
//! cargo run --release --bin codec -- [--rounds N] [--workload PART] [--peers NAME,NAME...]
//! ```
//!
//! Writes a line for each cell: workload, size, segment, peer, nanoseconds for each frame.

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

use benches::workload::{Kind, Workload};
use peers::codec::{End, Flush, Inbox, Outcome, Peer, Ring, peers, verify};

const USAGE: &str = "usage: codec [--rounds N] [--workload PART] [--peers NAME,NAME...]";
const SIZES: [usize; 8] = [0, 16, 125, 126, 1 << 10, 16 << 10, 64 << 10, 1 << 20];
const SEGMENTS: [usize; 2] = [64 << 10, 1460];

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments().ok_or(USAGE)?;
    let peers: Vec<_> = peers().into_iter().filter(|peer| options.wants(peer.name())).collect();
    println!("workload\tsize\tsegment\tpeer\tns_per_frame");
    for segment in SEGMENTS {
        for kind in Kind::ALL {
            let name = format!("decode-{}", kind.name());
            let sizes = SIZES.into_iter().filter(|size| *size > 0 || kind == Kind::Binary);
            for size in sizes.filter(|_| name.contains(&options.workload)) {
                decode(&options, &peers, &name, &Workload::new(kind, size), segment)?;
            }
        }
        for kind in Kind::ALL {
            let name = format!("fragments-{}", kind.name());
            if name.contains(&options.workload) {
                let workload = Workload::fragmented(kind, 1 << 20, 1 << 10);
                decode(&options, &peers, &name, &workload, segment)?;
            }
        }
    }
    for (end, role) in [(End::Server, "server"), (End::Client, "client")] {
        for (flush, when) in [(Flush::Once, "once"), (Flush::Each, "each")] {
            let name = format!("encode-{role}-{when}");
            for size in SIZES.into_iter().filter(|_| name.contains(&options.workload)) {
                encode(&options, &peers, &name, &Workload::new(Kind::Binary, size), end, flush)?;
            }
        }
    }
    Ok(())
}

struct Options {
    rounds: usize,
    workload: String,
    peers: Vec<String>,
}

impl Options {
    fn from_arguments() -> Option<Self> {
        let mut options = Self { rounds: 15, workload: String::new(), peers: Vec::new() };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let value = arguments.next()?;
            match argument.as_str() {
                "--rounds" => options.rounds = value.parse().ok().filter(|rounds| *rounds > 0)?,
                "--workload" => options.workload = value,
                "--peers" => options.peers = value.split(',').map(Into::into).collect(),
                _ => return None,
            }
        }
        Some(options)
    }

    fn wants(&self, peer: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|name| name == peer)
    }
}

fn decode(
    options: &Options,
    peers: &[Box<dyn Peer>],
    name: &str,
    workload: &Workload,
    segment: usize,
) -> Outcome {
    for peer in peers {
        verify::decode(&**peer, workload, segment)
            .map_err(|error| format!("{} {name} {}: {error}", peer.name(), size(workload)))?;
    }
    let times = interleaved(options.rounds, peers, |peer| {
        peer.decode(workload, segment, &mut Inbox::default())
    })?;
    for (peer, time) in peers.iter().zip(times) {
        let time = nanoseconds(time, workload);
        println!("{name}\t{}\t{segment}\t{}\t{time:.2}", size(workload), peer.name());
    }
    Ok(())
}

fn encode(
    options: &Options,
    peers: &[Box<dyn Peer>],
    name: &str,
    workload: &Workload,
    end: End,
    flush: Flush,
) -> Outcome {
    for peer in peers {
        verify::encode(&**peer, workload, end, flush)
            .map_err(|error| format!("{} {name} {}: {error}", peer.name(), size(workload)))?;
    }
    let mut ring = Ring::default();
    let times =
        interleaved(options.rounds, peers, |peer| peer.encode(workload, end, flush, &mut ring))?;
    for (peer, time) in peers.iter().zip(times) {
        let mark = if end == End::Client && peer.weak_keys() { " (weak keys)" } else { "" };
        let time = nanoseconds(time, workload);
        println!("{name}\t{}\t-\t{}{mark}\t{time:.2}", size(workload), peer.name());
    }
    Ok(())
}

/// The median of each peer. All run in every round, each round begins with another one, and a first
/// round is not counted.
fn interleaved(
    rounds: usize,
    peers: &[Box<dyn Peer>],
    mut work: impl FnMut(&dyn Peer) -> Outcome,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut times = vec![Vec::new(); peers.len()];
    for round in 0..=rounds {
        for at in (0..peers.len()).map(|at| (at + round) % peers.len()) {
            let start = Instant::now();
            work(&*peers[at])?;
            let time = start.elapsed();
            if round > 0 {
                times[at].push(time);
            }
        }
    }
    Ok(times.into_iter().map(median).collect())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn nanoseconds(time: Duration, workload: &Workload) -> f64 {
    time.as_secs_f64() * 1e9 / workload.frames as f64
}

/// The size of a frame's payload.
fn size(workload: &Workload) -> usize {
    workload.messages * workload.payload.len() / workload.frames
}
