//! Servers under load, in turn: `echo [OPTION VALUE]...`.
//!
//! Writes a line for each scenario, server and round: messages in a second, microseconds that the server computed
//! for each, and of scenarios with one message on the way, the median and the 99th percentile of its round trip.

use std::error::Error;
use std::time::Duration;

use peers::load::echo::{self, RoundTrip};
use peers::load::{Options, Server, memory};
use peers::servers;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments(&servers::ALL)?;
    let wanted = |name: &str| {
        options.scenarios.is_empty() || options.scenarios.iter().any(|scenario| scenario == name)
    };
    let most = echo::scenarios().map(|scenario| scenario.connections + scenario.idle).max();
    let allowed = memory::allow(most.unwrap_or_default());
    if let Err(error) = &allowed {
        eprintln!("scenarios with idle connections are left out: {error}");
    }
    println!(
        "scenario\tserver\tround\tmessages_per_second\tserver_cpu_us_per_message\t\
         round_trip_p50_us\tround_trip_p99_us"
    );
    for round in 0..options.rounds {
        for scenario in echo::scenarios()
            .filter(|scenario| wanted(scenario.name) && (scenario.idle == 0 || allowed.is_ok()))
        {
            // Each round begins with another one.
            let mut servers = options.servers.clone();
            servers.retain(|(name, _)| scenario.suits(name));
            if servers.is_empty() {
                continue;
            }
            let first = round % servers.len();
            servers.rotate_left(first);
            for (name, command) in servers {
                let measured = Server::start_with_threads(&command, scenario.threads)
                    .and_then(|server| echo::measure(&server, scenario, options.duration))
                    .map_err(|error| format!("{name}, scenario {}: {error}", scenario.name))?;
                let micros = |time: Duration| time.as_secs_f64() * 1e6;
                let percentiles =
                    measured.round_trip.map_or("\t".into(), |RoundTrip { p50, p99 }| {
                        format!("{:.1}\t{:.1}", micros(p50), micros(p99))
                    });
                println!(
                    "{}\t{name}\t{}\t{:.0}\t{:.3}\t{percentiles}",
                    scenario.name,
                    round + 1,
                    measured.messages_per_second,
                    micros(measured.server_time_per_message)
                );
            }
        }
    }
    Ok(())
}
