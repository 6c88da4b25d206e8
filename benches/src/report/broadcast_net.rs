//! Broadcasts of servers.

use std::path::Path;

use crate::results::{Result, distinct, median, rows};
use crate::tables::{bytes, header, row, significant};

/// The server that the others are compared with.
const REFERENCE: &str = "ws-mio-publish";

/// The number of subscribers, that of threads, and how many subscribers are slow.
type Setting = (usize, usize, String);

/// The size of a message, and how many are published together.
type Load = (usize, usize);

/// A measurement.
struct Measured {
    setting: Setting,
    load: Load,
    server: String,
    round: usize,
    deliveries_per_second: f64,
    /// The cost of a delivery for the server, its median, and the 99th percentile, in microseconds.
    times: [f64; 3],
}

/// All of them.
pub(crate) struct ServerBroadcasts(Vec<Measured>);

impl ServerBroadcasts {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = [
            "subscribers",
            "threads",
            "slow",
            "size",
            "in_flight",
            "server",
            "round",
            "deliveries_per_second",
            "server_cpu_us_per_delivery",
            "p50_us",
            "p99_us",
        ];
        let rows = rows(path, columns)?.into_iter().map(
            |[subscribers, threads, slow, size, in_flight, server, round, rate, cpu, p50, p99]| {
                Ok(Measured {
                    setting: (subscribers.parse()?, threads.parse()?, slow),
                    load: (size.parse()?, in_flight.parse()?),
                    server,
                    round: round.parse()?,
                    deliveries_per_second: rate.parse()?,
                    times: [cpu.parse()?, p50.parse()?, p99.parse()?],
                })
            },
        );
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns microseconds of processor time for each delivery, and their ratio to those of the reference in the
    /// same round: median, minimum, maximum.
    pub(crate) fn costs(&self) -> String {
        self.tables(|measured| {
            let time = median(measured.iter().map(|one| one.times[0]).collect())?;
            let ratios: Vec<f64> = measured
                .iter()
                .filter_map(|one| Some(one.times[0] / self.reference(one)?))
                .collect();
            let least = ratios.iter().copied().reduce(f64::min)?;
            let most = ratios.iter().copied().reduce(f64::max)?;
            let ratio = median(ratios)?;
            Some(format!("{time:.2}, {ratio:.2} ({least:.2} to {most:.2})"))
        })
    }

    /// Returns deliveries per second, and the median and the 99th percentile of their times in microseconds.
    pub(crate) fn deliveries(&self) -> String {
        self.tables(|measured| {
            let rate = median(measured.iter().map(|one| one.deliveries_per_second).collect())?;
            let [p50, p99] =
                [1, 2].map(|which| median(measured.iter().map(|one| one.times[which]).collect()));
            Some(format!("{rate:.0}, {}, {}", significant(p50?), significant(p99?)))
        })
    }

    /// Returns what a delivery costs the reference in the same round.
    fn reference(&self, of: &Measured) -> Option<f64> {
        let same = |one: &&Measured| {
            one.server == REFERENCE
                && (&one.setting, one.load, one.round) == (&of.setting, of.load, of.round)
        };
        self.0.iter().find(same).map(|one| one.times[0])
    }

    /// Returns a table for each setting, with a row for each server and a column for each load.
    fn tables(&self, cell: impl Fn(&[&Measured]) -> Option<String>) -> String {
        let mut tables = String::new();
        let loads = distinct(self.0.iter().map(|one| one.load));
        for setting in distinct(self.0.iter().map(|one| &one.setting)) {
            let titles =
                loads.iter().map(|(size, count)| format!("{} times {count}", bytes(*size)));
            tables += &header(&title(setting), titles);
            let here = || self.0.iter().filter(|one| one.setting == *setting);
            for server in distinct(here().map(|one| &*one.server)) {
                let cells = loads.iter().map(|load| {
                    let measured: Vec<_> =
                        here().filter(|one| one.server == server && one.load == *load).collect();
                    cell(&measured).unwrap_or_default()
                });
                row(&mut tables, server, cells);
            }
            tables.push('\n');
        }
        tables
    }
}

fn title((subscribers, threads, slow): &Setting) -> String {
    let threads =
        if *threads == 1 { "one thread".to_owned() } else { format!("{threads} threads") };
    match &**slow {
        "none" => format!("{subscribers}, {threads}"),
        slow => format!("{subscribers}, {threads}, slow {slow}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_medians_and_ratios_within_rounds() {
        let measured = |server: &str, round, cpu, slow: &str| Measured {
            setting: (1000, 1, slow.into()),
            load: (4096, 1),
            server: server.into(),
            round,
            deliveries_per_second: 1000.0 * cpu,
            times: [cpu, 20.0 * cpu, 300.0 * cpu],
        };
        let all = ServerBroadcasts(vec![
            measured(REFERENCE, 1, 4.0, "none"),
            measured("other", 1, 8.0, "none"),
            measured(REFERENCE, 2, 5.0, "none"),
            measured("other", 2, 5.0, "none"),
            measured("other", 1, 1.0, "tenth"),
        ]);
        let costs = all.costs();
        let lines: Vec<_> = costs.lines().collect();
        assert_eq!(lines[0], "| 1000, one thread | 4 KiB times 1 |");
        assert_eq!(lines[2], format!("| {REFERENCE} | 5.00, 1.00 (1.00 to 1.00) |"));
        assert_eq!(lines[3], "| other | 8.00, 2.00 (1.00 to 2.00) |");
        assert_eq!(lines[5], "| 1000, one thread, slow tenth | 4 KiB times 1 |");
        assert_eq!(lines[7], "| other |  |");
        assert!(all.deliveries().contains("| other | 1000, 20.0, 300 |"));
    }
}
