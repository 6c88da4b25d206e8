//! Servers under load over TLS, in turn: `tls [OPTION VALUE]...`.
//!
//! Writes a line for each scenario, server and round: messages in a second, and microseconds that the server and the load
//! computed for each.

use std::time::Duration;

use peers::Outcome;
use peers::load::tls::Tls;
use peers::load::{Options, echo, in_turn};
use peers::servers;

fn main() -> Outcome {
    let known = servers::ALL.iter().filter(|(name, _)| servers::OVER_TLS.contains(name));
    let known: Vec<_> = known.copied().collect();
    let mut options = Options::from_arguments(&known)?;
    let tls = Tls::new()?;
    let [certificate, key] = tls.files();
    for (_, command) in &mut options.servers {
        command.push_str(&format!(" --tls {} {}", certificate.display(), key.display()));
    }
    println!(
        "scenario\tserver\tround\tmessages_per_second\tserver_cpu_us_per_message\t\
         load_cpu_us_per_message"
    );
    let scenarios = echo::scenarios().filter(|one| ["ii", "iii", "iv"].contains(&one.name));
    let scenarios: Vec<_> = scenarios.collect();
    in_turn(&options, &scenarios, Some(&tls), |scenario, name, round, measured| {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        println!(
            "{}\t{name}\t{round}\t{:.0}\t{:.3}\t{:.3}",
            scenario.name,
            measured.messages_per_second,
            micros(measured.server_time_per_message),
            micros(measured.load_time_per_message),
        );
    })
}
