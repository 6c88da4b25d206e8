//! Servers at half of their greatest rates, in turn: `latency [OPTION VALUE]...`.
//!
//! Writes a line for each server and round: half of the messages in a second that the server can echo, measured before,
//! and percentiles of the time of a message at that rate, in microseconds.

use std::error::Error;
use std::io;
use std::time::Duration;

use peers::load::echo::{self, Scenario};
use peers::load::latency::{self, Latency};
use peers::load::{Options, Server};
use peers::servers;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments(&servers::ALL)?;
    let scenario = echo::scenarios().find(|scenario| scenario.name == "ii").ok_or("no scenario")?;
    println!("server\tround\tmessages_per_second\tp50_us\tp99_us\tp999_us");
    for round in 0..options.rounds {
        // Each round begins with another one.
        let mut servers = options.servers.clone();
        let first = round % servers.len().max(1);
        servers.rotate_left(first);
        for (name, command) in servers {
            let (rate, Latency { p50, p99, p999 }) = measure(&command, scenario, options.duration)
                .map_err(|error| format!("{name}: {error}"))?;
            let [p50, p99, p999] = [p50, p99, p999].map(|time| time.as_secs_f64() * 1e6);
            println!("{name}\t{}\t{rate:.0}\t{p50:.1}\t{p99:.1}\t{p999:.1}", round + 1);
        }
    }
    Ok(())
}

/// Returns half of a server's greatest rate, and its latency at that rate.
fn measure(command: &str, scenario: Scenario, time: Duration) -> io::Result<(f64, Latency)> {
    let server = Server::start_with_threads(command, scenario.threads)?;
    let rate = echo::measure(&server, scenario, time)?.messages_per_second / 2.0;
    // Another one, as for each measurement.
    drop(server);
    let server = Server::start_with_threads(command, scenario.threads)?;
    Ok((rate, latency::measure(&server, rate, time)?))
}
