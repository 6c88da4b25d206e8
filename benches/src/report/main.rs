//! Generates tables and plots from the results: `cargo run -p benches --bin report`.
//!
//! The text between `<!-- begin NAME -->` and `<!-- end NAME -->` in `results/README.md` is replaced
//! by the table of that name. The plots are written beside it; the project's README shows one of them.

mod broadcast;
mod broadcast_net;
mod connection;
mod deflate;
mod handshake;
mod latency;
mod plot;
mod results;
mod size;
mod storm;
mod tables;
mod tls;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use broadcast::Broadcasts;
use broadcast_net::ServerBroadcasts;
use connection::Facts;
use deflate::Compression;
use handshake::Handshakes;
use latency::Latencies;
use results::{Codec, Echo, Memory};
use size::Sizes;
use storm::Storms;
use tls::OverTls;

fn main() -> Result<(), Box<dyn Error>> {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let mut tables = Vec::new();
    if let Some(path) = existing(&results, "codec") {
        let codec = Codec::read(&path)?;
        fs::write(path.with_extension("svg"), plot::codec(&codec))?;
        tables.push(("codec", tables::codec(&codec)));
        tables.push(("codec-times", tables::codec_times(&codec)));
    }
    if let Some(path) = existing(&results, "echo") {
        let echo = Echo::read(&path)?;
        fs::write(path.with_extension("svg"), plot::echo(&echo))?;
        tables.push(("echo", tables::echo(&echo, false)));
        tables.push(("echo-cpu", tables::echo_cpu(&echo, false)));
        tables.push(("echo-two", tables::echo(&echo, true)));
        tables.push(("echo-cpu-two", tables::echo_cpu(&echo, true)));
        tables.push(("echo-round-trip", tables::round_trips(&echo)));
    }
    if let Some(path) = existing(&results, "latency") {
        tables.push(("latency", Latencies::read(&path)?.table()));
    }
    if let Some(path) = existing(&results, "storm") {
        tables.push(("storm", Storms::read(&path)?.tables()));
    }
    if let Some(path) = existing(&results, "tls") {
        tables.push(("tls", OverTls::read(&path)?.table()));
    }
    if let Some(path) = existing(&results, "size") {
        tables.push(("size", Sizes::read(&path)?.table()));
    }
    if let Some(path) = existing(&results, "memory") {
        tables.push(("memory", tables::memory(&Memory::read(&path)?)));
    }
    if let Some(path) = existing(&results, "handshake") {
        tables.push(("handshake", Handshakes::read(&path)?.table()));
    }
    if let Some(path) = existing(&results, "broadcast") {
        tables.push(("broadcast", Broadcasts::read(&path)?.table()));
    }
    if let Some(path) = existing(&results, "broadcast-net") {
        let broadcasts = ServerBroadcasts::read(&path)?;
        tables.push(("broadcast-net", broadcasts.costs()));
        tables.push(("broadcast-net-deliveries", broadcasts.deliveries()));
    }
    if let Some(path) = existing(&results, "deflate") {
        tables.push(("deflate", Compression::read(&path)?.tables()));
    }
    if let Some(path) = existing(&results, "connection") {
        tables.push(("connection", Facts::read(&path)?.table()));
    }
    let readme = results.join("README.md");
    let text = fs::read_to_string(&readme)?;
    let new = tables.iter().fold(text, |text, (name, table)| replaced(&text, name, table));
    fs::write(readme, new)?;
    Ok(())
}

/// Returns the file of these results, if they were measured.
fn existing(results: &Path, name: &str) -> Option<PathBuf> {
    let path = results.join(name).with_extension("tsv");
    if !path.exists() {
        println!("no {}: ./check bench-{name} makes it", path.display());
        return None;
    }
    Some(path)
}

/// Inserts a table between its marks, if they exist.
fn replaced(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let Some((before, rest)) = text.split_once(&begin) else { return text.to_owned() };
    let Some((_, after)) = rest.split_once(&end) else { return text.to_owned() };
    format!("{before}{begin}{table}{end}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_replaces_the_old_one() {
        let text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n";
        let expected = "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n";
        assert_eq!(replaced(text, "x", "new\n"), expected);
        assert_eq!(replaced(expected, "x", "new\n"), expected);
        assert_eq!(replaced(text, "y", "new\n"), text);
    }
}
