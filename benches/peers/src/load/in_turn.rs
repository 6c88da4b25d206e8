//! Servers under load, in turn.

use super::echo::{self, Measured, Scenario};
use super::tls::Tls;
use super::{Options, Server};
use crate::Outcome;

/// Measures each server in each scenario and round, over TLS if there is a configuration of it, and passes the name of
/// the server, the number of the round and the results to `each`.
///
/// # Errors
///
/// The first that a measurement returns.
pub fn in_turn(
    options: &Options,
    scenarios: &[Scenario],
    tls: Option<&Tls>,
    each: impl Fn(Scenario, &str, usize, Measured),
) -> Outcome {
    let wanted = |name: &str| {
        options.scenarios.is_empty() || options.scenarios.iter().any(|scenario| scenario == name)
    };
    for round in 0..options.rounds {
        for scenario in scenarios.iter().filter(|scenario| wanted(scenario.name)) {
            // Each round begins with another one.
            let mut servers = options.servers.clone();
            servers.retain(|(name, _)| scenario.suits(name));
            if servers.is_empty() {
                continue;
            }
            let first = round % servers.len();
            servers.rotate_left(first);
            for (name, command) in servers {
                let measured =
                    Server::start_with_threads(&command, scenario.threads).and_then(|server| {
                        echo::measure_over(tls, &server, *scenario, options.duration)
                    });
                let measured = measured
                    .map_err(|error| format!("{name}, scenario {}: {error}", scenario.name))?;
                each(*scenario, &name, round + 1, measured);
            }
        }
    }
    Ok(())
}
