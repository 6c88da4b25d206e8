//! Tables in Markdown.

use std::fmt::Write;

use crate::results::{Codec, Echo, Memory};

/// Returns the time of the fastest other implementation divided by ours, for each workload and size.
pub(crate) fn codec(codec: &Codec) -> String {
    let sizes = codec.sizes();
    let mut table = header("", sizes.iter().map(|size| bytes(*size)));
    for workload in codec.workloads() {
        let cells = sizes.iter().map(|size| {
            codec.contest(workload, *size).map_or(String::new(), |(ours, best)| {
                format!("{:.2} {}", best.nanoseconds / ours, best.peer)
            })
        });
        row(&mut table, &title(workload), cells);
    }
    table
}

/// Returns all times, in nanoseconds per frame.
pub(crate) fn codec_times(codec: &Codec) -> String {
    let sizes = codec.sizes();
    let mut tables = String::new();
    for workload in codec.workloads() {
        tables += &header(&title(workload), sizes.iter().map(|size| bytes(*size)));
        for peer in codec.peers() {
            let mut name = peer.to_owned();
            let cells: Vec<String> = sizes
                .iter()
                .map(|size| {
                    let mut cell = codec.cell(workload, *size).into_iter();
                    let Some(time) = cell.find(|time| time.peer.starts_with(peer)) else {
                        return String::new();
                    };
                    name.clone_from(&time.peer);
                    significant(time.nanoseconds)
                })
                .collect();
            row(&mut tables, &name, cells.into_iter());
        }
        tables.push('\n');
    }
    tables
}

/// Returns messages per second, and their ratio to the bound.
pub(crate) fn echo(echo: &Echo, with_two_threads: bool) -> String {
    by_scenario(echo, &echo.scenarios(with_two_threads), |scenario, server| {
        let rate = echo.rate(scenario, server)?;
        let [least, median, most] = echo.ratio(scenario, server)?;
        Some(format!("{rate:.0}, {median:.2} ({least:.2} to {most:.2})"))
    })
}

/// Returns microseconds of processor time per message, and the ratio of the bound's time to it.
pub(crate) fn echo_cpu(echo: &Echo, with_two_threads: bool) -> String {
    by_scenario(echo, &echo.scenarios(with_two_threads), |scenario, server| {
        let time = echo.microseconds(scenario, server)?;
        Some(format!("{time:.2}, {:.2}", echo.time_ratio(scenario, server)?))
    })
}

/// Returns the median and the 99th percentile of a round trip, in microseconds.
pub(crate) fn round_trips(echo: &Echo) -> String {
    by_scenario(echo, &echo.scenarios_of_round_trips(), |scenario, server| {
        let [p50, p99] = echo.round_trip(scenario, server)?;
        Some(format!("{}, {}", significant(p50), significant(p99)))
    })
}

/// Returns bytes per connection.
pub(crate) fn memory(memory: &Memory) -> String {
    let columns = [
        "connections",
        "after the handshake",
        "after an echo of 16 KiB",
        "half of 16 KiB received",
    ];
    let mut table = header("", columns.map(str::to_owned).into_iter());
    for cost in &memory.0 {
        let bytes = [cost.after_handshake, cost.after_echo, cost.half_message];
        let bytes = bytes.map(|bytes| format!("{bytes:.0}"));
        let cells = [cost.connections.to_string()].into_iter().chain(bytes);
        row(&mut table, &cost.server, cells);
    }
    table
}

/// Returns the title of a workload.
pub(crate) fn title((workload, segment): (&str, &str)) -> String {
    let words = workload.replace('-', " ");
    segment.parse().map_or(words.clone(), |segment| format!("{words}, {} reads", bytes(segment)))
}

/// Formats a size for readers.
pub(crate) fn bytes(size: usize) -> String {
    match size {
        size if size >= 1 << 20 && size % (1 << 20) == 0 => format!("{} MiB", size >> 20),
        size if size >= 1 << 10 && size % (1 << 10) == 0 => format!("{} KiB", size >> 10),
        size => format!("{size} B"),
    }
}

/// Returns a table with a row for each server; empty if there are no scenarios.
fn by_scenario(
    echo: &Echo,
    scenarios: &[&str],
    cell: impl Fn(&str, &str) -> Option<String>,
) -> String {
    if scenarios.is_empty() {
        return String::new();
    }
    let mut table = header("", scenarios.iter().map(ToString::to_string));
    for server in echo.servers() {
        let cells = scenarios.iter().map(|scenario| cell(scenario, server).unwrap_or_default());
        row(&mut table, server, cells);
    }
    table
}

pub(crate) fn header(first: &str, names: impl ExactSizeIterator<Item = String>) -> String {
    let rule = "|---".repeat(names.len() + 1);
    let mut table = String::new();
    row(&mut table, first, names);
    table + &rule + "|\n"
}

pub(crate) fn row(table: &mut String, first: &str, cells: impl Iterator<Item = String>) {
    let cells: String = cells.fold(String::new(), |mut row, cell| {
        let _ = write!(row, " {cell} |");
        row
    });
    let _ = writeln!(table, "| {first} |{cells}");
}

pub(crate) fn significant(nanoseconds: f64) -> String {
    if nanoseconds < 100.0 { format!("{nanoseconds:.1}") } else { format!("{nanoseconds:.0}") }
}
