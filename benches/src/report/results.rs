//! The measured results.

use std::error::Error;
use std::fs;
use std::path::Path;

/// Our own names, the engine first.
pub(crate) const OURS: [&str; 6] =
    ["wsproto", "ws-mio", "own-loop", "ws-std", "ws-tokio", "ws-tokio-async"];

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
        let others =
            cell.into_iter().filter(|t| !t.peer.starts_with(OURS[0]) && !t.peer.ends_with(WEAK));
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
    /// The median and the 99th percentile of a round trip, in microseconds.
    round_trip: Option<[f64; 2]>,
}

/// The end of the names of scenarios in which the server has two threads.
const TWO_THREADS: &str = "-2";

/// The servers under load.
pub(crate) struct Echo(Vec<Load>);

impl Echo {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let columns = [
            "scenario",
            "server",
            "round",
            "messages_per_second",
            "server_cpu_us_per_message",
            "round_trip_p50_us",
            "round_trip_p99_us",
        ];
        let rows = rows(path, columns)?;
        let rows = rows.into_iter().map(|[scenario, server, round, rate, time, p50, p99]| {
            let (round, messages_per_second) = (round.parse()?, rate.parse()?);
            let microseconds = time.parse()?;
            let round_trip = match p50.is_empty() {
                true => None,
                false => Some([p50.parse()?, p99.parse()?]),
            };
            Ok(Load { scenario, server, round, messages_per_second, microseconds, round_trip })
        });
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Returns the scenarios in which servers have one thread, or two.
    pub(crate) fn scenarios(&self, with_two_threads: bool) -> Vec<&str> {
        let scenarios = self.0.iter().map(|load| &*load.scenario);
        distinct(scenarios.filter(|name| name.ends_with(TWO_THREADS) == with_two_threads))
    }

    /// Returns the scenarios in which each connection has many others beside it, and one message on the way.
    pub(crate) fn scenarios_of_round_trips(&self) -> Vec<&str> {
        let timed = self.0.iter().filter(|load| load.round_trip.is_some());
        let scenarios = distinct(timed.map(|load| &*load.scenario));
        scenarios
            .into_iter()
            .filter(|name| name.starts_with("ii") || name.starts_with("vi"))
            .collect()
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

    /// Returns the medians of the two percentiles of a round trip, in microseconds.
    pub(crate) fn round_trip(&self, scenario: &str, server: &str) -> Option<[f64; 2]> {
        let of = |which: usize| {
            let loads = self.of(scenario, server);
            median(loads.filter_map(|load| load.round_trip.map(|trip| trip[which])).collect())
        };
        Some([of(0)?, of(1)?])
    }

    /// Returns the processor time of the bound divided by that of the server in the same round: the median.
    pub(crate) fn time_ratio(&self, scenario: &str, server: &str) -> Option<f64> {
        median(
            self.with_bound(scenario, server, |load, bound| bound.microseconds / load.microseconds),
        )
    }

    /// Returns messages per second divided by those of the bound in the same round: minimum,
    /// median, maximum.
    pub(crate) fn ratio(&self, scenario: &str, server: &str) -> Option<[f64; 3]> {
        let ratios = self.with_bound(scenario, server, |load, bound| {
            load.messages_per_second / bound.messages_per_second
        });
        let least = ratios.iter().copied().reduce(f64::min)?;
        let most = ratios.iter().copied().reduce(f64::max)?;
        Some([least, median(ratios)?, most])
    }

    /// Returns `value` of each measurement and that of the bound in the same round.
    fn with_bound(
        &self,
        scenario: &str,
        server: &str,
        value: impl Fn(&Load, &Load) -> f64,
    ) -> Vec<f64> {
        let bound = |round| self.of(scenario, BOUND).find(|bound| bound.round == round);
        let loads = self.of(scenario, server);
        loads.filter_map(|load| Some(value(load, bound(load.round)?))).collect()
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

pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
