//! One message to many connections, in memory, medians of interleaved rounds.
//!
//! ```text
//! cargo run --release --bin broadcast -- [--rounds N] [--take median|minimum]
//! ```
//!
//! Writes a line for each cell: connections, size, peer, nanoseconds for each connection.

use std::env;
use std::error::Error;

use benches::workload::Kind;
use bytes::Bytes;
use peers::Rounds;
use peers::broadcast::{SharedRing, rooms, verify};

const USAGE: &str = "usage: broadcast [--rounds N] [--take median|minimum]";
const CONNECTIONS: [usize; 3] = [10, 1000, 10_000];
const SIZES: [usize; 2] = [125, 16 << 10];

/// How many frames are written in a round, at least.
const WRITES: usize = 20_000;

/// As many connections show what is written.
const SHOWN: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = rounds().ok_or(USAGE)?;
    println!("connections\tsize\tpeer\tns_per_connection");
    for size in SIZES {
        let payload = Bytes::from(Kind::Binary.payload(size));
        for connections in CONNECTIONS {
            verify(connections.min(SHOWN), &payload)?;
            let mut rooms = rooms(connections, &SharedRing::default());
            let messages = WRITES.div_ceil(connections);
            let times = rounds.times(rooms.len(), |at| {
                (0..messages).try_for_each(|_| rooms[at].broadcast(&payload))
            })?;
            for (room, time) in rooms.iter().zip(times) {
                let time = time.as_secs_f64() * 1e9 / (messages * connections) as f64;
                println!("{connections}\t{size}\t{}\t{time:.2}", room.name());
            }
        }
    }
    Ok(())
}

fn rounds() -> Option<Rounds> {
    let mut rounds = Rounds::default();
    let mut arguments = env::args().skip(1);
    while let Some(option) = arguments.next() {
        rounds.set(&option, &arguments.next()?)?;
    }
    Some(rounds)
}
