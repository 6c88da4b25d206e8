//! The codec table: every workload, size and implementation in one run, medians of interleaved rounds.
//!
//! ```text
//! cargo run --release --bin codec -- [--rounds N] [--workload PART] [--sizes N,N...]
//!     [--segments N,N...] [--peers NAME,NAME...] [--take median|minimum]
//! ```
//!
//! On a machine that others disturb, the minimum of many rounds says more than the median.
//!
//! Writes a line for each cell: workload, size, segment, peer, nanoseconds for each frame.

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

use benches::workload::{Kind, Workload};
use peers::codec::{End, Flush, Inbox, Outcome, Peer, Ring, peers, verify};

const USAGE: &str = "usage: codec [--rounds N] [--workload PART] [--sizes N,N...] \
    [--segments N,N...] [--peers NAME,NAME...] [--take median|minimum]";
const SIZES: [usize; 8] = [0, 16, 125, 126, 1 << 10, 16 << 10, 64 << 10, 1 << 20];
const SEGMENTS: [usize; 2] = [64 << 10, 1460];

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments().ok_or(USAGE)?;
    let peers: Vec<_> = peers().into_iter().filter(|peer| options.wants(peer.name())).collect();
    println!("workload\tsize\tsegment\tpeer\tns_per_frame");
    for segment in options.segments.iter().copied() {
        for kind in Kind::ALL {
            let name = format!("decode-{}", kind.name());
            let sizes = options.sizes.iter().copied();
            let sizes = sizes.filter(|size| *size > 0 || kind == Kind::Binary);
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
            for size in options.sizes.iter().copied().filter(|_| name.contains(&options.workload)) {
                encode(&options, &peers, &name, &Workload::new(Kind::Binary, size), end, flush)?;
            }
        }
    }
    Ok(())
}

struct Options {
    rounds: usize,
    workload: String,
    sizes: Vec<usize>,
    segments: Vec<usize>,
    peers: Vec<String>,
    minimum: bool,
}

impl Options {
    fn from_arguments() -> Option<Self> {
        let mut options = Self {
            rounds: 15,
            workload: String::new(),
            sizes: SIZES.into(),
            segments: SEGMENTS.into(),
            peers: Vec::new(),
            minimum: false,
        };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let value = arguments.next()?;
            match argument.as_str() {
                "--rounds" => options.rounds = value.parse().ok().filter(|rounds| *rounds > 0)?,
                "--workload" => options.workload = value,
                "--peers" => options.peers = value.split(',').map(Into::into).collect(),
                "--sizes" => options.sizes = numbers(&value)?,
                "--segments" => options.segments = numbers(&value)?,
                "--take" => match value.as_str() {
                    "median" => options.minimum = false,
                    "minimum" => options.minimum = true,
                    _ => return None,
                },
                _ => return None,
            }
        }
        Some(options)
    }

    fn wants(&self, peer: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|name| name == peer)
    }
}

/// Reads numbers with commas between them.
fn numbers(list: &str) -> Option<Vec<usize>> {
    list.split(',').map(|number| number.parse().ok()).collect()
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
    let times =
        interleaved(options, peers, |peer| peer.decode(workload, segment, &mut Inbox::default()))?;
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
    let times = interleaved(options, peers, |peer| peer.encode(workload, end, flush, &mut ring))?;
    for (peer, time) in peers.iter().zip(times) {
        let mark = if end == End::Client && peer.weak_keys() { " (weak keys)" } else { "" };
        let time = nanoseconds(time, workload);
        println!("{name}\t{}\t-\t{}{mark}\t{time:.2}", size(workload), peer.name());
    }
    Ok(())
}

/// The median, or the minimum, of each peer. All run in every round, each round begins with another one, and a first
/// round is not counted.
fn interleaved(
    options: &Options,
    peers: &[Box<dyn Peer>],
    mut work: impl FnMut(&dyn Peer) -> Outcome,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut times = vec![Vec::new(); peers.len()];
    for round in 0..=options.rounds {
        for at in (0..peers.len()).map(|at| (at + round) % peers.len()) {
            let start = Instant::now();
            work(&*peers[at])?;
            let time = start.elapsed();
            if round > 0 {
                times[at].push(time);
            }
        }
    }
    Ok(times
        .into_iter()
        .map(|times| if options.minimum { minimum(&times) } else { median(times) })
        .collect())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn minimum(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

fn nanoseconds(time: Duration, workload: &Workload) -> f64 {
    time.as_secs_f64() * 1e9 / workload.frames as f64
}

/// The size of a frame's payload.
fn size(workload: &Workload) -> usize {
    workload.messages * workload.payload.len() / workload.frames
}
