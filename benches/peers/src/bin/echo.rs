//! Servers under load, in turn: `echo [OPTION VALUE]...`.
//!
//! Writes a line for each scenario, server and round: messages in a second, and microseconds that the
//! server computed for each.

use std::error::Error;

use peers::load::{Options, Server, echo};
use peers::servers;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments(&servers::ALL)?;
    let wanted = |name: &str| {
        options.scenarios.is_empty() || options.scenarios.iter().any(|scenario| scenario == name)
    };
    println!("scenario\tserver\tround\tmessages_per_second\tserver_cpu_us_per_message");
    for round in 0..options.rounds {
        for scenario in echo::SCENARIOS.into_iter().filter(|scenario| wanted(scenario.name)) {
            // Each round begins with another one.
            let mut servers = options.servers.clone();
            servers.rotate_left(round % options.servers.len());
            for (name, command) in servers {
                let measured = Server::start(&command)
                    .and_then(|server| echo::measure(&server, scenario, options.duration))
                    .map_err(|error| format!("{name}, scenario {}: {error}", scenario.name))?;
                println!(
                    "{}\t{name}\t{}\t{:.0}\t{:.3}",
                    scenario.name,
                    round + 1,
                    measured.messages_per_second,
                    measured.server_time_per_message.as_secs_f64() * 1e6
                );
            }
        }
    }
    Ok(())
}
