//! Broadcasts: one message to many connections.

use std::path::Path;

use crate::results::{Result, distinct, rows};
use crate::tables::{bytes, header, row, significant};

/// The cost of sending one message to many connections.
struct Cost {
    connections: usize,
    size: usize,
    peer: String,
    nanoseconds: f64,
}

/// The broadcasts.
pub(crate) struct Broadcasts(Vec<Cost>);

impl Broadcasts {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = ["connections", "size", "peer", "ns_per_connection"];
        let rows = rows(path, columns)?.into_iter().map(|[connections, size, peer, time]| {
            let (connections, size) = (connections.parse()?, size.parse()?);
            Ok(Cost { connections, size, peer, nanoseconds: time.parse()? })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns a table of nanoseconds per connection.
    pub(crate) fn table(&self) -> String {
        let columns = distinct(self.0.iter().map(|cost| (cost.size, cost.connections)));
        let titles =
            columns.iter().map(|(size, connections)| format!("{} to {connections}", bytes(*size)));
        let mut table = header("", titles);
        for peer in distinct(self.0.iter().map(|cost| &*cost.peer)) {
            let cells = columns.iter().map(|column| {
                let mut costs = self.0.iter().filter(|cost| cost.peer == peer);
                let cost = costs.find(|cost| (cost.size, cost.connections) == *column);
                cost.map(|cost| significant(cost.nanoseconds)).unwrap_or_default()
            });
            row(&mut table, peer, cells);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_and_number_of_connections_has_a_column() {
        let cost = |connections, size, peer: &str, nanoseconds| Cost {
            connections,
            size,
            peer: peer.into(),
            nanoseconds,
        };
        let costs =
            [cost(10, 125, "a", 12.34), cost(10, 125, "b", 20.0), cost(10, 1 << 14, "a", 512.3)];
        let expected = "|  | 125 B to 10 | 16 KiB to 10 |\n|---|---|---|\n\
                        | a | 12.3 | 512 |\n| b | 20.0 |  |\n";
        assert_eq!(Broadcasts(costs.into()).table(), expected);
    }
}
