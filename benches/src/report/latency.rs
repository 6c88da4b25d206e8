//! Servers at half of their greatest rates.

use std::path::Path;

use crate::results::{Result, distinct, median, rows};
use crate::tables::{header, row, significant};

/// The messages per second of one measurement, and percentiles of their time in microseconds.
struct Measured {
    server: String,
    numbers: [f64; 4],
}

/// All of them.
pub(crate) struct Latencies(Vec<Measured>);

impl Latencies {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = ["server", "round", "messages_per_second", "p50_us", "p99_us", "p999_us"];
        let rows = rows(path, columns)?.into_iter().map(|[server, _, rate, p50, p99, p999]| {
            let numbers = [rate.parse()?, p50.parse()?, p99.parse()?, p999.parse()?];
            Ok(Measured { server, numbers })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns the medians of all rounds.
    pub(crate) fn table(&self) -> String {
        let columns = ["messages per second", "p50", "p99", "p99.9"];
        let mut table = header("", columns.map(str::to_owned).into_iter());
        for server in distinct(self.0.iter().map(|measured| &*measured.server)) {
            let cells = (0..columns.len()).map(|which| {
                let all = self.0.iter().filter(|measured| measured.server == server);
                let number = median(all.map(|measured| measured.numbers[which]).collect());
                number.map(significant).unwrap_or_default()
            });
            row(&mut table, server, cells);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_medians_of_a_server() {
        let measured = |server: &str, p99| Measured {
            server: server.into(),
            numbers: [60_000.0, 50.0, p99, 1234.5],
        };
        let all =
            [measured("a", 90.0), measured("b", 100.0), measured("a", 80.0), measured("a", 300.0)];
        let table = Latencies(all.into()).table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[2], "| a | 60000 | 50.0 | 90.0 | 1234 |");
        assert_eq!(lines[3], "| b | 60000 | 50.0 | 100 | 1234 |");
    }
}
