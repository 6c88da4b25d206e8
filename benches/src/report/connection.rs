//! Counted costs of a connection.

use std::path::Path;

use crate::results::{Result, distinct, rows};
use crate::tables::{header, row};

/// A count.
struct Fact {
    fact: String,
    peer: String,
    count: f64,
}

/// All counts.
pub(crate) struct Facts(Vec<Fact>);

impl Facts {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let rows = rows(path, ["fact", "peer", "count"])?
            .into_iter()
            .map(|[fact, peer, count]| Ok(Fact { fact, peer, count: count.parse()? }));
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns a table with a row for each fact and a column for each implementation.
    pub(crate) fn table(&self) -> String {
        let peers = distinct(self.0.iter().map(|fact| &*fact.peer));
        let mut table = header("", peers.iter().map(ToString::to_string));
        for fact in distinct(self.0.iter().map(|fact| &*fact.fact)) {
            let cells = peers.iter().map(|peer| {
                let mut facts = self.0.iter();
                let found = facts.find(|one| one.fact == fact && one.peer == *peer);
                found.map(|one| one.count.to_string()).unwrap_or_default()
            });
            row(&mut table, fact, cells);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_counts_are_blank() {
        let fact =
            |fact: &str, peer: &str, count| Fact { fact: fact.into(), peer: peer.into(), count };
        let facts = [
            fact("size", "a", 64.0),
            fact("allocations", "a", 0.0),
            fact("allocations", "b", 0.25),
        ];
        let expected =
            "|  | a | b |\n|---|---|---|\n| size | 64 |  |\n| allocations | 0 | 0.25 |\n";
        assert_eq!(Facts(facts.into()).table(), expected);
    }
}
