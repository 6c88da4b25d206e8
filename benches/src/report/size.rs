//! The weight of small servers.

use std::path::Path;

use crate::results::{Result, distinct, rows};
use crate::tables::{header, row};

/// A program with some features.
struct Size {
    program: String,
    features: String,
    crates: usize,
    bytes: u64,
    build_seconds: f64,
}

/// All of them.
pub(crate) struct Sizes(Vec<Size>);

impl Sizes {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = ["program", "features", "crates", "bytes", "build_cpu_s"];
        let rows = rows(path, columns)?.into_iter();
        let rows = rows.map(|[program, features, crates, bytes, seconds]| {
            let (crates, bytes) = (crates.parse()?, bytes.parse()?);
            Ok(Size { program, features, crates, bytes, build_seconds: seconds.parse()? })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns crates, KiB and seconds of each program with each choice of features.
    pub(crate) fn table(&self) -> String {
        let features = distinct(self.0.iter().map(|size| &*size.features));
        let titles = features.iter().map(|name| if name.is_empty() { "none" } else { name });
        let mut table = header("", titles.map(str::to_owned));
        for program in distinct(self.0.iter().map(|size| &*size.program)) {
            let cells = features.iter().map(|features| {
                let mut sizes = self.0.iter();
                let size = sizes.find(|one| one.program == program && one.features == *features);
                size.map_or_else(String::new, Size::cell)
            });
            row(&mut table, program, cells);
        }
        table
    }
}

impl Size {
    fn cell(&self) -> String {
        format!("{}, {}, {:.0}", self.crates, self.bytes >> 10, self.build_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_that_a_program_does_not_have_is_blank() {
        let size = |program: &str, features: &str| Size {
            program: program.into(),
            features: features.into(),
            crates: 12,
            bytes: 700 << 10,
            build_seconds: 20.4,
        };
        let table = Sizes([size("a", ""), size("a", "tls"), size("b", "")].into()).table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "|  | none | tls |");
        assert_eq!(lines[2], "| a | 12, 700, 20 | 12, 700, 20 |");
        assert_eq!(lines[3], "| b | 12, 700, 20 |  |");
    }
}
