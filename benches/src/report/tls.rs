//! Servers under load over TLS.

use std::path::Path;

use crate::results::{Result, distinct, median, rows};
use crate::tables::{header, row};

/// The server that the others are compared with.
const BESIDE: &str = "tokio-tungstenite";

/// One measurement: microseconds of the server and of the load for each message.
struct Measured {
    scenario: String,
    server: String,
    round: usize,
    server_us: f64,
    load_us: f64,
}

/// All of them.
pub(crate) struct OverTls(Vec<Measured>);

impl OverTls {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = [
            "scenario",
            "server",
            "round",
            "messages_per_second",
            "server_cpu_us_per_message",
            "load_cpu_us_per_message",
        ];
        let rows = rows(path, columns)?.into_iter();
        let rows = rows.map(|[scenario, server, round, _, server_us, load_us]| {
            let (server_us, load_us) = (server_us.parse()?, load_us.parse()?);
            Ok(Measured { scenario, server, round: round.parse()?, server_us, load_us })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns microseconds of the server for each message; the time of [`BESIDE`] in the same round divided by it, with
    /// the least and the greatest; and microseconds of the load.
    pub(crate) fn table(&self) -> String {
        let scenarios = distinct(self.0.iter().map(|measured| &*measured.scenario));
        let mut table = header("", scenarios.iter().map(|name| format!("`{name}`")));
        for server in distinct(self.0.iter().map(|measured| &*measured.server)) {
            let cells = scenarios.iter().map(|scenario| self.cell(scenario, server));
            row(&mut table, server, cells.map(Option::unwrap_or_default));
        }
        table
    }

    fn cell(&self, scenario: &str, server: &str) -> Option<String> {
        let of = |server: &str| {
            let all = self.0.iter();
            let of = all.filter(|one| one.scenario == scenario && one.server == server);
            of.collect::<Vec<_>>()
        };
        let (measured, beside) = (of(server), of(BESIDE));
        let ratios: Vec<f64> = measured
            .iter()
            .filter_map(|one| {
                let other = beside.iter().find(|other| other.round == one.round)?;
                Some(other.server_us / one.server_us)
            })
            .collect();
        let (least, most) =
            (ratios.iter().copied().reduce(f64::min)?, ratios.iter().copied().reduce(f64::max)?);
        let time = median(measured.iter().map(|one| one.server_us).collect())?;
        let load = median(measured.iter().map(|one| one.load_us).collect())?;
        let ratio = median(ratios)?;
        Some(format!("{time:.2}, {ratio:.2} ({least:.2} to {most:.2}); {load:.2}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_within_a_round() {
        let measured = |server: &str, round, server_us| Measured {
            scenario: "ii".into(),
            server: server.into(),
            round,
            server_us,
            load_us: 0.5,
        };
        let all = [
            measured("a", 1, 1.0),
            measured(BESIDE, 1, 2.0),
            measured("a", 2, 10.0),
            measured(BESIDE, 2, 40.0),
            measured("a", 3, 1.0),
            measured(BESIDE, 3, 3.0),
        ];
        let table = OverTls(all.into()).table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "|  | `ii` |");
        assert_eq!(lines[2], "| a | 1.00, 3.00 (2.00 to 4.00); 0.50 |");
        assert_eq!(lines[3], "| tokio-tungstenite | 3.00, 1.00 (1.00 to 1.00); 0.50 |");
    }
}
