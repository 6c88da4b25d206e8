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
use std::time::Duration;

use benches::workload::{Kind, Workload};
use peers::codec::{End, Flush, Inbox, Peer, Ring, decoders, peers, verify};
use peers::{Outcome, Rounds};

const USAGE: &str = "usage: codec [--rounds N] [--workload PART] [--sizes N,N...] \
    [--segments N,N...] [--peers NAME,NAME...] [--take median|minimum]";
const SIZES: [usize; 8] = [0, 16, 125, 126, 1 << 10, 16 << 10, 64 << 10, 1 << 20];
const SEGMENTS: [usize; 2] = [64 << 10, 1460];

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments().ok_or(USAGE)?;
    let (peers, decoders) = (options.wanted(peers()), options.wanted(decoders()));
    println!("workload\tsize\tsegment\tpeer\tns_per_frame");
    for segment in options.segments.iter().copied() {
        for kind in Kind::ALL {
            let name = format!("decode-{}", kind.name());
            let sizes = options.sizes.iter().copied();
            let sizes = sizes.filter(|size| *size > 0 || kind == Kind::Binary);
            for size in sizes.filter(|_| name.contains(&options.workload)) {
                decode(&options, &decoders, &name, &Workload::new(kind, size), segment)?;
            }
        }
        for kind in Kind::ALL {
            let name = format!("fragments-{}", kind.name());
            if name.contains(&options.workload) {
                let workload = Workload::fragmented(kind, 1 << 20, 1 << 10);
                decode(&options, &decoders, &name, &workload, segment)?;
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
    rounds: Rounds,
    workload: String,
    sizes: Vec<usize>,
    segments: Vec<usize>,
    peers: Vec<String>,
}

impl Options {
    fn from_arguments() -> Option<Self> {
        let mut options = Self {
            rounds: Rounds::default(),
            workload: String::new(),
            sizes: SIZES.into(),
            segments: SEGMENTS.into(),
            peers: Vec::new(),
        };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let value = arguments.next()?;
            match argument.as_str() {
                "--workload" => options.workload = value,
                "--peers" => options.peers = value.split(',').map(Into::into).collect(),
                "--sizes" => options.sizes = numbers(&value)?,
                "--segments" => options.segments = numbers(&value)?,
                option => options.rounds.set(option, &value)?,
            }
        }
        Some(options)
    }

    fn wanted(&self, peers: Vec<Box<dyn Peer>>) -> Vec<Box<dyn Peer>> {
        let wanted = |name| self.peers.is_empty() || self.peers.iter().any(|peer| peer == name);
        peers.into_iter().filter(|peer| wanted(peer.name())).collect()
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
    let work = |at: usize| peers[at].decode(workload, segment, &mut Inbox::default());
    let times = options.rounds.times(peers.len(), work)?;
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
    let work = |at: usize| peers[at].encode(workload, end, flush, &mut ring);
    let times = options.rounds.times(peers.len(), work)?;
    for (peer, time) in peers.iter().zip(times) {
        let mark = if end == End::Client && peer.weak_keys() { " (weak keys)" } else { "" };
        let time = nanoseconds(time, workload);
        println!("{name}\t{}\t-\t{}{mark}\t{time:.2}", size(workload), peer.name());
    }
    Ok(())
}

fn nanoseconds(time: Duration, workload: &Workload) -> f64 {
    time.as_secs_f64() * 1e9 / workload.frames as f64
}

/// The size of a frame's payload.
fn size(workload: &Workload) -> usize {
    workload.messages * workload.payload.len() / workload.frames
}
