//! Servers that publish, in turn: `broadcast-net [OPTION VALUE]...`.
//!
//! Writes a line for each number of subscribers and threads, load, server and round: deliveries in a second,
//! microseconds that the server computed for each, and the median and the 99th percentile of their times.

use std::error::Error;
use std::time::Duration;

use peers::load::broadcast::{LOADS, Subscribers};
use peers::load::{Options, Server, memory};
use peers::servers::publishing::{ALL, BLOCKING, WITH_ONE_THREAD};

/// Always measured; `--connections` is another number of subscribers.
const FEW: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::from_arguments(&ALL)?;
    // Each server has ten loads, one after the other.
    options.duration /= 10;
    let mut counts = vec![FEW.min(options.connections)];
    if options.connections > FEW {
        match memory::allow(options.connections) {
            Ok(()) => counts.push(options.connections),
            Err(error) => eprintln!("left out: {error}"),
        }
    }
    println!(
        "subscribers\tthreads\tslow\tsize\tin_flight\tserver\tround\tdeliveries_per_second\t\
         server_cpu_us_per_delivery\tp50_us\tp99_us"
    );
    for round in 0..options.rounds {
        for (count, threads) in counts.iter().flat_map(|count| [(*count, 1), (*count, 2)]) {
            // Each round begins with another one.
            let mut servers = options.servers.clone();
            servers.retain(|(name, _)| threads == 1 || !WITH_ONE_THREAD.contains(&&**name));
            servers.retain(|(name, _)| name != BLOCKING || count <= FEW);
            let first = round % servers.len().max(1);
            servers.rotate_left(first);
            for (name, command) in servers {
                measure(&options, &name, &command, (count, threads), round + 1)
                    .map_err(|error| format!("{name}, {count} subscribers: {error}"))?;
            }
        }
    }
    Ok(())
}

/// Measures a server with all loads, then with a slow tenth.
fn measure(
    options: &Options,
    name: &str,
    command: &str,
    (count, threads): (usize, usize),
    round: usize,
) -> Result<(), Box<dyn Error>> {
    let server = Server::start_with_threads(command, threads)?;
    let mut subscribers = Subscribers::connect(&server, count)?;
    for slow in ["none", "tenth"] {
        if slow == "tenth" {
            subscribers.slow_down()?;
        }
        for load in LOADS {
            let measured = subscribers
                .measure(&server, load, options.duration)
                .map_err(|error| format!("{load:?}, slow: {slow}: {error}"))?;
            let micros = |time: Duration| time.as_secs_f64() * 1e6;
            println!(
                "{count}\t{threads}\t{slow}\t{}\t{}\t{name}\t{round}\t{:.0}\t{:.3}\t{:.1}\t{:.1}",
                load.size,
                load.in_flight,
                measured.deliveries_per_second,
                micros(measured.server_time),
                micros(measured.p50),
                micros(measured.p99)
            );
        }
    }
    Ok(())
}
