//! Servers that compress under load, in turn: `deflate-echo [OPTION VALUE]...`.
//!
//! Its scenarios are `no-takeover` and `takeover`. Prints the rows of `deflate` that are an echo over loopback:
//! workload, size in bytes, server, nanoseconds for a message, and the server's bytes for each byte of payload.

use std::error::Error;
use std::time::Duration;

use peers::load::{Options, Server, compressed_echo};
use peers::servers::Serve;
use peers::servers::compressing::{WITH_TAKEOVER, WITHOUT_TAKEOVER};

fn main() -> Result<(), Box<dyn Error>> {
    let scenarios =
        [("no-takeover", false, &WITHOUT_TAKEOVER[..]), ("takeover", true, &WITH_TAKEOVER[..])];
    let mut all = WITH_TAKEOVER.to_vec();
    all.extend(WITHOUT_TAKEOVER.iter().filter(|(name, _)| !has(&WITH_TAKEOVER, name)));
    let options = Options::from_arguments(&all)?;
    for (name, takeover, known) in scenarios {
        if !options.scenarios.is_empty() && !options.scenarios.iter().any(|wanted| wanted == name) {
            continue;
        }
        // One that is given as a command takes part in both.
        let runs = |server: &str| has(known, server) || !has(&all, server);
        let servers: Vec<_> = options.servers.iter().filter(|(name, _)| runs(name)).collect();
        for size in compressed_echo::SIZES {
            let mut seen = vec![Vec::new(); servers.len()];
            for round in 0..options.rounds {
                // Each round begins with another one.
                for at in (0..servers.len()).map(|at| (at + round) % servers.len()) {
                    let (server, command) = servers[at];
                    let measured = Server::start(command).and_then(|server| {
                        compressed_echo::measure(&server, takeover, size, options.duration)
                    });
                    let measured =
                        measured.map_err(|error| format!("{server}, {name}: {error}"))?;
                    seen[at].push(measured);
                }
            }
            for ((server, _), seen) in servers.iter().zip(seen) {
                let (time, ratio) = median(seen);
                let (workload, time) = (name.replace('-', " "), time.as_nanos());
                println!("echo, {workload}\t{size}\t{server}\t{time}\t{ratio:.3}");
            }
        }
    }
    Ok(())
}

fn has(servers: &[(&str, Serve)], name: &str) -> bool {
    servers.iter().any(|(known, _)| *known == name)
}

fn median(mut seen: Vec<compressed_echo::Measured>) -> (Duration, f64) {
    seen.sort_unstable_by_key(|measured| measured.time_per_message);
    let middle = seen[seen.len() / 2];
    (middle.time_per_message, middle.ratio)
}
