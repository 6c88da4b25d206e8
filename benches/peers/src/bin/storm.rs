//! Connections that come and go, for each server in turn: `storm [OPTION VALUE]...`.
//!
//! Writes a line for each number of threads, server and round: connections in a second, microseconds that the server
//! computed for each, and the median and the 99th percentile of their times.

use std::error::Error;
use std::time::Duration;

use peers::load::storm::{self, Measured};
use peers::load::{Options, Server};
use peers::servers::{self, BARE, OWN_LOOP, with_thread_each};

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::from_arguments(&servers::ALL)?;
    options.servers.retain(|(name, _)| name != BARE);
    println!(
        "threads\tserver\tround\tconnections_per_second\tserver_cpu_us_per_connection\tp50_us\tp99_us"
    );
    for round in 0..options.rounds {
        for threads in [1, 2] {
            // Each round begins with another one.
            let mut servers = options.servers.clone();
            servers.retain(|(name, _)| threads == 1 || name != OWN_LOOP && !with_thread_each(name));
            let first = round % servers.len().max(1);
            servers.rotate_left(first);
            for (name, command) in servers {
                let Measured { connections_per_second, server_time, p50, p99 } =
                    Server::start_with_threads(&command, threads)
                        .and_then(|server| storm::measure(&server, options.duration))
                        .map_err(|error| format!("{name}: {error}"))?;
                let [time, p50, p99] =
                    [server_time, p50, p99].map(|time: Duration| time.as_secs_f64() * 1e6);
                println!(
                    "{threads}\t{name}\t{}\t{connections_per_second:.0}\t{time:.3}\t{p50:.1}\t{p99:.1}",
                    round + 1
                );
            }
        }
    }
    Ok(())
}
