//! Runs `ws`, and reads its report.

use std::process::{Command, Output};

use serde_json::Value;

/// The report of `ws check --json`.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) status: i32,
    pub(crate) echo: bool,
    pub(crate) document: Value,
}

impl Report {
    /// Returns the names of the probes with a verdict, in their order.
    pub(crate) fn with(&self, verdict: &str) -> Vec<&str> {
        let probes = self.document["probes"].as_array().expect("a list");
        let with = probes.iter().filter(|probe| probe["verdict"] == verdict);
        with.map(|probe| probe["id"].as_str().expect("a name")).collect()
    }

    /// Returns the names of the probes that expect the server to fail the connection.
    pub(crate) fn failures(&self) -> Vec<&str> {
        let probes = self.document["probes"].as_array().expect("a list").iter();
        let expected = probes.filter(|probe| {
            let expected = probe["expected"].as_str().expect("a text");
            let fails = ["the end of the connection", "before the message is complete"];
            fails.iter().any(|words| expected.contains(words))
                && probe["verdict"] != "not applicable"
        });
        expected.map(|probe| probe["id"].as_str().expect("a name")).collect()
    }
}

/// Runs `ws` with arguments.
pub(crate) fn ws(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ws"));
    command.args(arguments).env_remove("RUST_LOG").output().expect("ws runs")
}

/// Returns the exit status of a run, and its standard output and standard error.
pub(crate) fn outcome(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code().expect("no signal"), text(&output.stdout), text(&output.stderr))
}

/// Checks a server.
pub(crate) fn check(url: &str, more: &[&str]) -> Report {
    let mut arguments = vec!["check", url, "--json"];
    arguments.extend_from_slice(more);
    let (status, out, errors) = outcome(&ws(&arguments));
    let document: Value = serde_json::from_str(&out)
        .unwrap_or_else(|error| panic!("{url}: {error}: {out:?}, {errors:?}"));
    let echo = document["echo"].as_bool().expect("a flag");
    Report { status, echo, document }
}
