//! Servers under load, in turn: `echo [OPTION VALUE]...`.
//!
//! Writes a line for each scenario, server and round: messages in a second, microseconds that the server computed
//! for each, and of scenarios with one message on the way, the median and the 99th percentile of its round trip.

use std::time::Duration;

use peers::Outcome;
use peers::load::echo::{self, RoundTrip};
use peers::load::{Options, in_turn, memory};
use peers::servers;

fn main() -> Outcome {
    let options = Options::from_arguments(&servers::ALL)?;
    let most = echo::scenarios().map(|scenario| scenario.connections + scenario.idle).max();
    let allowed = memory::allow(most.unwrap_or_default());
    if let Err(error) = &allowed {
        eprintln!("scenarios with idle connections are left out: {error}");
    }
    println!(
        "scenario\tserver\tround\tmessages_per_second\tserver_cpu_us_per_message\t\
         round_trip_p50_us\tround_trip_p99_us"
    );
    let scenarios = echo::scenarios().filter(|scenario| scenario.idle == 0 || allowed.is_ok());
    let scenarios: Vec<_> = scenarios.collect();
    in_turn(&options, &scenarios, None, |scenario, name, round, measured| {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let percentiles = measured.round_trip.map_or("\t".into(), |RoundTrip { p50, p99 }| {
            format!("{:.1}\t{:.1}", micros(p50), micros(p99))
        });
        println!(
            "{}\t{name}\t{round}\t{:.0}\t{:.3}\t{percentiles}",
            scenario.name,
            measured.messages_per_second,
            micros(measured.server_time_per_message)
        );
    })
}
