//! Compressing and inflating.

use std::path::Path;

use crate::results::{Result, distinct, rows};
use crate::tables::{bytes, header, row, significant};

/// The time of one implementation for a message, and how short it becomes.
struct Cost {
    workload: String,
    size: usize,
    peer: String,
    nanoseconds: f64,
    ratio: String,
}

/// All of them.
pub(crate) struct Compression(Vec<Cost>);

impl Compression {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = ["workload", "size", "peer", "ns_per_message", "ratio"];
        let rows = rows(path, columns)?.into_iter().map(|[workload, size, peer, time, ratio]| {
            Ok(Cost { workload, size: size.parse()?, peer, nanoseconds: time.parse()?, ratio })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns a table for each workload: nanoseconds per message, and the ratio in brackets.
    pub(crate) fn tables(&self) -> String {
        let tables =
            distinct(self.0.iter().map(|cost| &*cost.workload)).into_iter().map(|workload| {
                let costs = || self.0.iter().filter(|cost| cost.workload == workload);
                let sizes = distinct(costs().map(|cost| cost.size));
                let mut table = header(workload, sizes.iter().map(|size| bytes(*size)));
                for peer in distinct(costs().map(|cost| &*cost.peer)) {
                    let cells = sizes.iter().map(|size| {
                        let cost = costs().find(|cost| cost.peer == peer && cost.size == *size);
                        let cell = |cost: &Cost| {
                            format!("{} ({})", significant(cost.nanoseconds), cost.ratio)
                        };
                        cost.map(cell).unwrap_or_default()
                    });
                    row(&mut table, peer, cells);
                }
                table
            });
        tables.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_workload_has_a_table() {
        let cost = |workload: &str, size, nanoseconds| Cost {
            workload: workload.into(),
            size,
            peer: "a".into(),
            nanoseconds,
            ratio: "0.5".into(),
        };
        let costs = [cost("x", 125, 12.34), cost("y", 1024, 20.0)];
        let expected = "| x | 125 B |\n|---|---|\n| a | 12.3 (0.5) |\n\n\
                        | y | 1 KiB |\n|---|---|\n| a | 20.0 (0.5) |\n";
        assert_eq!(Compression(costs.into()).tables(), expected);
    }
}
