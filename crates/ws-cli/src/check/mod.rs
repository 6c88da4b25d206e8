//! `ws check`: the mistakes of a server.
//!
//! Each probe has a connection of its own, asks one question about one rule, and is judged by the demands of
//! the RFC on a server, not by the habits of most servers.

mod answer;
mod exchange;
mod head;
mod incoming;
mod judge;
mod judgement;
mod probe;
mod probes;
mod report;
mod send;
mod stream;
mod target;
mod wire;

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use ws_std::ClientOptions;

use crate::connection::TargetArgs;
use crate::exit::{Exit, Status};
use crate::ownership::OwnershipArgs;
use crate::stdout::print;
use crate::values::{UNITS_OF_TIME, some_time};

use answer::Answer;
use exchange::{Abilities, Finding, Unopened, examine, learn};
use judge::heard;
use judgement::Verdict;
use probes::Group;
use report::Report;
use target::Target;
use wire::Arrived;

/// Finds the mistakes of a server: each probe breaks a rule or tests one, on a connection of its own.
///
/// Exit status: 0 nothing is wrong, 1 an ordinary opening handshake is refused or the host is unknown, 2 something is wrong,
/// 3 no connection, 4 timeout, 64 wrong usage.
#[derive(clap::Args)]
#[command(after_help = UNITS_OF_TIME)]
pub(crate) struct CheckArgs {
    /// The server, such as ws://localhost:9001/
    #[arg(required_unless_present = "list")]
    url: Option<String>,

    /// Run only this probe; repeatable
    #[arg(long, value_name = "ID")]
    only: Vec<String>,

    /// List the probes, and connect to nothing
    #[arg(long, exclusive = true)]
    list: bool,

    /// Print everything as one JSON document, with the bytes of both directions
    #[arg(long)]
    json: bool,

    /// How long each answer may take
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = some_time)]
    wait: Duration,

    #[command(flatten)]
    ownership: OwnershipArgs,

    #[command(flatten)]
    connection: TargetArgs,

    /// Print everything about every probe, with the bytes of both directions
    #[arg(short, long)]
    verbose: bool,
}

impl CheckArgs {
    pub(crate) fn run(self) -> Exit {
        match self.check() {
            Ok(exit) | Err(exit) => exit,
        }
    }

    fn check(self) -> Result<Exit, Exit> {
        let unknown = |id: &&String| !probes::all().any(|(_, probe)| probe.id == **id);
        if let Some(id) = self.only.iter().find(unknown) {
            return Err(Exit::usage(format!("there is no probe {id:?}; --list has their names")));
        }
        if self.list {
            print(|to| report::list(to))?;
            return Ok(Exit::clean());
        }
        if self.wait.is_zero() {
            return Err(Exit::usage("--wait is longer than 0"));
        }
        let url = self.url.as_deref().unwrap_or_default();
        let prepared =
            self.ownership.require(self.connection.prepare(url, ClientOptions::new())?)?;
        let target = Target::new(prepared, self.wait)?;
        let start = Instant::now();
        let abilities = learn(&target).map_err(unopened)?;
        let mut findings = Vec::new();
        let gone = self.examine(&target, &abilities, &mut findings).err();
        let report = Report {
            url: target.request.url().without_query().to_string(),
            abilities: &abilities,
            findings: &findings,
            took: start.elapsed(),
            verbose: self.verbose,
        };
        let written = match self.json {
            true => print(|to| report.json(to)),
            false => print(|to| report.text(to)),
        };
        match gone.or(written.err()) {
            Some(exit) => Err(exit),
            None if report.count(Verdict::Wrong) > 0 => Ok(Exit::new(Status::Protocol, "")),
            None => Ok(Exit::clean()),
        }
    }

    /// Runs the probes; an error is the end of the server.
    fn examine(
        &self,
        target: &Target,
        abilities: &Abilities,
        findings: &mut Vec<(&'static Group, Finding)>,
    ) -> Result<(), Exit> {
        let chosen = |id: &str| self.only.is_empty() || self.only.iter().any(|only| only == id);
        for (group, probe) in probes::all().filter(|(_, probe)| chosen(probe.id)) {
            match examine(probe, target, abilities) {
                Ok(finding) => findings.push((group, finding)),
                Err(error) => {
                    let mut exit = lost(&error);
                    if let Some((_, last)) = findings.last() {
                        exit.line = format!("after the probe {}: {}", last.probe.id, exit.line);
                    }
                    return Err(exit);
                }
            }
        }
        Ok(())
    }
}

fn lost(error: &io::Error) -> Exit {
    let status = match error.kind() {
        ErrorKind::TimedOut => Status::Timeout,
        _ => Status::Lost,
    };
    Exit::new(status, format!("cannot connect: {error}"))
}

fn unopened(why: Unopened) -> Exit {
    let answer = match why {
        Unopened::Io(error) => return lost(&error),
        Unopened::Answer(answer) => answer,
    };
    let status = match answer {
        Answer::Response(..) => Status::Refused,
        Answer::Invalid(_) => Status::Protocol,
        Answer::Missing(Arrived::Nothing) => Status::Timeout,
        Answer::Missing(_) => Status::Lost,
    };
    Exit::new(status, format!("an ordinary opening handshake is answered by {}", heard(&answer)))
}
