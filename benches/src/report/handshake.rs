//! Opening handshakes in memory.

use std::path::Path;

use crate::results::{Result, distinct, rows};
use crate::tables::{header, row};

/// The cost of a handshake for an implementation at one end.
struct Cost {
    end: String,
    peer: String,
    nanoseconds: f64,
    allocations: f64,
    bytes: f64,
}

/// The handshakes.
pub(crate) struct Handshakes(Vec<Cost>);

impl Handshakes {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = ["end", "peer", "ns_per_handshake", "allocations", "bytes_allocated"];
        let rows = rows(path, columns)?.into_iter().map(|[end, peer, time, allocations, bytes]| {
            let (nanoseconds, allocations) = (time.parse()?, allocations.parse()?);
            Ok(Cost { end, peer, nanoseconds, allocations, bytes: bytes.parse()? })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns a table for each end: handshakes per second, allocations per handshake.
    pub(crate) fn table(&self) -> String {
        let ends = distinct(self.0.iter().map(|cost| &*cost.end));
        let columns: Vec<String> = ends
            .iter()
            .flat_map(|end| {
                ["per second", "ns", "allocations", "bytes"]
                    .map(|column| format!("{end}: {column}"))
            })
            .collect();
        let mut table = header("", columns.into_iter());
        for peer in distinct(self.0.iter().map(|cost| &*cost.peer)) {
            let cells = ends.iter().flat_map(|end| {
                let mut costs = self.0.iter();
                let cost = costs.find(|cost| cost.end == *end && cost.peer == peer);
                cost.map_or([const { String::new() }; 4], Cost::cells)
            });
            row(&mut table, peer, cells);
        }
        table
    }
}

impl Cost {
    fn cells(&self) -> [String; 4] {
        let Self { nanoseconds, allocations, bytes, .. } = self;
        let rate = 1e9 / nanoseconds;
        [
            format!("{rate:.0}"),
            format!("{nanoseconds:.0}"),
            allocations.to_string(),
            format!("{bytes:.0}"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_columns_and_a_missing_one_is_blank() {
        let cost = |end: &str, peer: &str, nanoseconds| Cost {
            end: end.into(),
            peer: peer.into(),
            nanoseconds,
            allocations: 1.5,
            bytes: 28.0,
        };
        let costs =
            [cost("server", "a", 500.0), cost("client", "a", 4000.0), cost("client", "b", 1e4)];
        let table = Handshakes(costs.into()).table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].starts_with("|  | server: per second | server: ns |"));
        assert_eq!(lines[2], "| a | 2000000 | 500 | 1.5 | 28 | 250000 | 4000 | 1.5 | 28 |");
        assert_eq!(lines[3], "| b |  |  |  |  | 100000 | 10000 | 1.5 | 28 |");
    }
}
