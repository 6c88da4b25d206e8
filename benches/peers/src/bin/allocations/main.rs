//! Counts, which do not depend on the load of the machine. The counting allocator is in no other
//! program, because to count takes time.
//!
//! ```text
//! cargo run --release --bin allocations -- handshake     for each opening handshake
//! cargo run --release --bin allocations -- connection    the costs of a connection
//! ```

mod connection;
mod handshake;

use std::env;
use std::error::Error;

use allocation_counter::AllocationInfo;
use peers::Outcome;

const USAGE: &str = "usage: allocations handshake | connection";

fn main() -> Outcome {
    match env::args().skip(1).collect::<Vec<_>>().join(" ").as_str() {
        "handshake" => handshake::print(),
        "connection" => connection::print(),
        _ => Err(USAGE.into()),
    }
}

/// Counts the allocations of some work.
fn counted(work: impl FnOnce() -> Outcome) -> Result<AllocationInfo, Box<dyn Error>> {
    let mut outcome = Ok(());
    let info = allocation_counter::measure(|| outcome = work());
    outcome.map(|()| info)
}

/// A count divided by how often it was made, to two places.
fn each(count: u64, times: usize) -> f64 {
    (count as f64 / times as f64 * 100.0).round() / 100.0
}
