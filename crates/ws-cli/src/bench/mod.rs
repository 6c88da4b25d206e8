//! `ws bench`: how many messages a second, and how long each takes.
//!
//! One event loop has all connections. At a rate, each message is due at its time, whether or not earlier ones
//! are answered, and its latency counts from then: a server that stops for a second shows in every message that
//! was due in that second, not only in one.

mod client;
mod conduct;
mod plan;
mod report;
mod totals;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use crate::connection::{ConnectionArgs, Prepared};
use crate::exit::{Exit, Status};
use crate::own::OwnArgs;
use crate::signals;
use crate::values::{UNITS, duration, size, some_time};

use client::Shared;
use conduct::{Outcome, conduct};
use plan::{Pace, Plan};
use report::Reporter;

/// Measure a server that echoes: messages per second, and their latency.
///
/// Exit status: 0 measured, 1 no connection opened, 3 a connection failed or was lost, 4 nothing came back,
/// 64 wrong usage.
#[derive(clap::Args)]
#[command(after_help = UNITS)]
pub(crate) struct BenchArgs {
    /// The server, such as ws://localhost:9001/
    url: String,

    /// The number of connections
    #[arg(short, long, value_name = "COUNT", default_value = "1")]
    connections: NonZeroU64,

    /// Send so many messages a second, over all connections; without it, as fast as answers come
    #[arg(short, long, value_name = "COUNT", conflicts_with = "in_flight")]
    rate: Option<NonZeroU64>,

    /// Without a rate: how many messages of each connection wait for their answers
    #[arg(short, long, value_name = "COUNT", default_value = "1")]
    in_flight: NonZeroU64,

    /// The length of a message, up to 16M
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = size)]
    size: u64,

    /// Send binary messages; text otherwise
    #[arg(short, long)]
    binary: bool,

    /// How long to measure
    #[arg(short, long, value_name = "TIME", default_value = "10s", value_parser = some_time)]
    duration: Duration,

    /// How long to send before anything counts
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    warmup: Duration,

    /// Print a line of JSON each second, and one at the end
    #[arg(long)]
    jsonl: bool,

    #[command(flatten)]
    own: OwnArgs,

    #[command(flatten)]
    connection: ConnectionArgs,
}

/// The longest message, in bytes: the handle of a connection copies it.
const LONGEST: u64 = 16 << 20;

impl BenchArgs {
    pub(crate) fn run(self) -> Exit {
        match self.bench() {
            Ok(exit) | Err(exit) => exit,
        }
    }

    fn bench(self) -> Result<Exit, Exit> {
        let plan = self.plan()?;
        let prepared = self.own.require(self.connection.prepare(&self.url)?)?;
        let patience = prepared.options.connect_timeout.unwrap_or(Duration::MAX);
        let url = prepared.request.url().without_query().to_string();
        let shared = Arc::new(Shared::new(plan));
        let on_signal = Arc::clone(&shared);
        signals::on_first(move || on_signal.stop())?;

        let mut reporter = Reporter::new(url, plan, self.jsonl);
        let outcome = conduct(&prepared, &shared, patience, |interval| reporter.each(interval));
        let outcome = outcome.map_err(|error| Exit::new(Status::Lost, error.to_string()))?;
        let exit = ended(&outcome, &prepared);
        let written = if outcome.totals.opened > 0 { reporter.end(&outcome) } else { Ok(()) };
        let lost = Exit::from_output(written);
        Ok(lost.filter(|_| exit.status == Status::Clean).unwrap_or(exit))
    }

    fn plan(&self) -> Result<Plan, Exit> {
        let size = usize::try_from(self.size.min(LONGEST + 1)).unwrap_or(usize::MAX);
        if self.size > LONGEST {
            return Err(Exit::usage("--size is at most 16M"));
        }
        Ok(Plan {
            connections: self.connections.get(),
            pace: self.rate.map_or(Pace::InFlight(self.in_flight), Pace::Rate),
            size,
            binary: self.binary,
            warm_up: self.warmup,
            duration: self.duration,
        })
    }
}

/// Returns the exit of a run.
fn ended(outcome: &Outcome, prepared: &Prepared) -> Exit {
    let url = prepared.request.url().without_query();
    let totals = &outcome.totals;
    if totals.opened == 0 {
        let first = totals.failed.all().keys().next();
        let why = first.map_or("stopped", |reason| reason);
        return Exit::new(Status::Refused, format!("no connection to {url} opened: {why}"));
    }
    if totals.counts.answered == 0 && totals.counts.sent > 0 {
        let line = format!("no message came back: {url} does not echo, or not in time");
        return Exit::new(Status::Timeout, line);
    }
    match (totals.failed.count(), totals.lost.count()) {
        (0, 0) => Exit::clean(),
        (failed, lost) => {
            let line = format!("{failed} connections failed to open, {lost} were lost");
            Exit::new(Status::Lost, line)
        }
    }
}
