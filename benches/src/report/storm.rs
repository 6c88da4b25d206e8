//! Connections that come and go.

use std::path::Path;

use crate::results::{Result, distinct, median, rows};
use crate::tables::{header, row, significant};

/// Connections per second of one measurement, and microseconds: the server's for each, and percentiles of their times.
struct Measured {
    threads: usize,
    server: String,
    numbers: [f64; 4],
}

/// All of them.
pub(crate) struct Storms(Vec<Measured>);

impl Storms {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = [
            "threads",
            "server",
            "round",
            "connections_per_second",
            "server_cpu_us_per_connection",
            "p50_us",
            "p99_us",
        ];
        let rows = rows(path, columns)?;
        let rows = rows.into_iter().map(|[threads, server, _, rate, cpu, p50, p99]| {
            let numbers = [rate.parse()?, cpu.parse()?, p50.parse()?, p99.parse()?];
            Ok(Measured { threads: threads.parse()?, server, numbers })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns a table of the medians of all rounds for each number of threads.
    pub(crate) fn tables(&self) -> String {
        let mut tables = String::new();
        for threads in distinct(self.0.iter().map(|measured| measured.threads)) {
            let columns = ["per second", "server's time", "p50", "p99"];
            tables +=
                &header(&format!("threads: {threads}"), columns.map(str::to_owned).into_iter());
            let here = || self.0.iter().filter(|measured| measured.threads == threads);
            for server in distinct(here().map(|measured| &*measured.server)) {
                let cells = (0..columns.len()).map(|which| {
                    let all = here().filter(|measured| measured.server == server);
                    let number = median(all.map(|measured| measured.numbers[which]).collect());
                    number.map(significant).unwrap_or_default()
                });
                row(&mut tables, server, cells);
            }
            tables.push('\n');
        }
        tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_threads_has_a_table_of_medians() {
        let measured = |threads, server: &str, rate| Measured {
            threads,
            server: server.into(),
            numbers: [rate, 50.0, 1234.5, 2000.0],
        };
        let all = [
            measured(1, "a", 900.0),
            measured(1, "a", 1000.0),
            measured(1, "a", 3000.0),
            measured(2, "b", 700.0),
        ];
        let tables = Storms(all.into()).tables();
        let lines: Vec<_> = tables.lines().collect();
        assert_eq!(lines[0], "| threads: 1 | per second | server's time | p50 | p99 |");
        assert_eq!(lines[2], "| a | 1000 | 50.0 | 1234 | 2000 |");
        assert_eq!(lines[6], "| b | 700 | 50.0 | 1234 | 2000 |");
    }
}
