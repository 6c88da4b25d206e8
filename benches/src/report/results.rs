//! The measured results.

use std::error::Error;
use std::fs;
use std::path::Path;

/// Our own names, the engine first.
pub(crate) const OURS: [&str; 4] = ["wsproto", "ws-mio", "own-loop", "ws-std"];

/// The server that the others are compared with.
pub(crate) const BOUND: &str = "bare-epoll";

/// Marks an implementation whose time must not be compared.
pub(crate) const WEAK: &str = " (weak keys)";

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A cell of the codec table.
pub(crate) struct Time {
    pub(crate) workload: String,
    pub(crate) size: usize,
    pub(crate) segment: String,
    pub(crate) peer: String,
    pub(crate) nanoseconds: f64,
}

/// The codec table.
pub(crate) struct Codec(pub(crate) Vec<Time>);

impl Codec {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = ["workload", "size", "segment", "peer", "ns_per_frame"];
        let rows = rows(path, columns)?.into_iter().map(|[workload, size, segment, peer, time]| {
            let (size, nanoseconds) = (size.parse()?, time.parse()?);
            Ok(Time { workload, size, segment, peer, nanoseconds })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns the workloads with large segments, or without segments, in order.
    pub(crate) fn workloads(&self) -> Vec<(&str, &str)> {
        distinct(self.0.iter().map(|time| (&*time.workload, &*time.segment)))
    }

    pub(crate) fn sizes(&self) -> Vec<usize> {
        distinct(self.0.iter().map(|time| time.size))
    }

    pub(crate) fn peers(&self) -> Vec<&str> {
        distinct(self.0.iter().map(|time| time.peer.trim_end_matches(WEAK)))
    }

    pub(crate) fn cell(&self, workload: (&str, &str), size: usize) -> Vec<&Time> {
        let wanted =
            |time: &&Time| (&*time.workload, &*time.segment) == workload && time.size == size;
        self.0.iter().filter(wanted).collect()
    }

    /// Returns our time, and the time of the fastest comparable implementation.
    pub(crate) fn contest(&self, workload: (&str, &str), size: usize) -> Option<(f64, &Time)> {
        let cell = self.cell(workload, size);
        let ours = cell.iter().find(|time| time.peer == OURS[0])?.nanoseconds;
        let others = cell.into_iter().filter(|t| t.peer != OURS[0] && !t.peer.ends_with(WEAK));
        let best = others.min_by(|a, b| a.nanoseconds.total_cmp(&b.nanoseconds))?;
        Some((ours, best))
    }
}

/// A measurement of a server under load.
pub(crate) struct Load {
    pub(crate) scenario: String,
    pub(crate) server: String,
    round: usize,
    messages_per_second: f64,
    microseconds: f64,
}

/// The servers under load.
pub(crate) struct Echo(Vec<Load>);

impl Echo {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns =
            ["scenario", "server", "round", "messages_per_second", "server_cpu_us_per_message"];
        let rows = rows(path, columns)?.into_iter().map(|[scenario, server, round, rate, time]| {
            let (round, messages_per_second) = (round.parse()?, rate.parse()?);
            let microseconds = time.parse()?;
            Ok(Load { scenario, server, round, messages_per_second, microseconds })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    pub(crate) fn scenarios(&self) -> Vec<&str> {
        distinct(self.0.iter().map(|load| &*load.scenario))
    }

    pub(crate) fn servers(&self) -> Vec<&str> {
        distinct(self.0.iter().map(|load| &*load.server))
    }

    /// Returns the median number of messages per second.
    pub(crate) fn rate(&self, scenario: &str, server: &str) -> Option<f64> {
        median(self.of(scenario, server).map(|load| load.messages_per_second).collect())
    }

    /// Returns the median number of microseconds per message.
    pub(crate) fn microseconds(&self, scenario: &str, server: &str) -> Option<f64> {
        median(self.of(scenario, server).map(|load| load.microseconds).collect())
    }

    /// Returns messages per second divided by those of the bound in the same round: minimum,
    /// median, maximum.
    pub(crate) fn ratio(&self, scenario: &str, server: &str) -> Option<[f64; 3]> {
        let ratios: Vec<f64> = self
            .of(scenario, server)
            .filter_map(|load| {
                let mut bounds = self.of(scenario, BOUND);
                let bound = bounds.find(|bound| bound.round == load.round)?;
                Some(load.messages_per_second / bound.messages_per_second)
            })
            .collect();
        let least = ratios.iter().copied().reduce(f64::min)?;
        let most = ratios.iter().copied().reduce(f64::max)?;
        Some([least, median(ratios)?, most])
    }

    fn of(&self, scenario: &str, server: &str) -> impl Iterator<Item = &Load> {
        self.0.iter().filter(move |load| load.scenario == scenario && load.server == server)
    }
}

/// The memory that a connection costs a server, in bytes.
pub(crate) struct Cost {
    pub(crate) server: String,
    pub(crate) connections: usize,
    pub(crate) after_handshake: f64,
    pub(crate) after_echo: f64,
    pub(crate) half_message: f64,
}

/// The memory costs of connections.
pub(crate) struct Memory(pub(crate) Vec<Cost>);

impl Memory {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = [
            "server",
            "connections",
            "bytes_per_connection_after_handshake",
            "bytes_per_connection_after_16k_echo",
            "bytes_per_connection_half_message",
        ];
        let rows =
            rows(path, columns)?.into_iter().map(|[server, connections, open, echo, half]| {
                let (connections, after_handshake) = (connections.parse()?, open.parse()?);
                let (after_echo, half_message) = (echo.parse()?, half.parse()?);
                Ok(Cost { server, connections, after_handshake, after_echo, half_message })
            });
        Ok(Self(rows.collect::<Result<_>>()?))
    }
}

/// Reads a table with these column names.
pub(crate) fn rows<const N: usize>(path: &Path, columns: [&str; N]) -> Result<Vec<[String; N]>> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut rows = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    if rows.next().is_none_or(|header| header != columns) {
        return Err(format!("{}: other columns than {columns:?}", path.display()).into());
    }
    rows.map(|row| {
        row.try_into().map_err(|row| format!("{}: a row {row:?}", path.display()).into())
    })
    .collect()
}

pub(crate) fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
