//! The report of a load: a progress bar and text, or lines of JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::conduct::{Interval, Outcome};
use super::plan::{Pace, Plan};
use super::totals::Latencies;
use crate::terminal::{json, printable};

/// Reports a run while it goes on, and its end.
pub(super) struct Reporter {
    url: String,
    plan: Plan,
    jsonl: bool,
    /// Shown on a terminal only.
    bar: ProgressBar,
}

impl Reporter {
    pub(super) fn new(url: String, plan: Plan, jsonl: bool) -> Self {
        let bar = ProgressBar::new(millis(plan.duration));
        // The default style stands in if the template is invalid.
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {bar:30} {msg}") {
            bar.set_style(style);
        }
        Self { url, plan, jsonl, bar }
    }

    /// Reports a second.
    pub(super) fn each(&mut self, interval: &Interval<'_>) {
        let latency = Latency::of(interval.latencies);
        let per_second = per_second(interval.counts.answered, interval.took);
        if self.jsonl {
            // The end tells whether the output can be written.
            let _ = print(&Second {
                at: u64::try_from(interval.at.as_micros()).unwrap_or(u64::MAX),
                sent: interval.counts.sent,
                answered: interval.counts.answered,
                per_second,
                latency,
            });
        }
        self.bar.set_position(millis(interval.at));
        self.bar.set_message(format!("{per_second:.0}/s, {}", text(latency)));
    }

    /// Reports the end.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of standard output.
    pub(super) fn end(&self, outcome: &Outcome) -> io::Result<()> {
        self.bar.finish_and_clear();
        match self.jsonl {
            true => print(&self.summary(outcome)),
            false => self.write(outcome, &mut io::stdout().lock()),
        }
    }

    fn write(&self, outcome: &Outcome, to: &mut dyn Write) -> io::Result<()> {
        let Plan { size, binary, pace, .. } = self.plan;
        let kind = if binary { "binary" } else { "text" };
        let pace = match pace {
            Pace::Rate(rate) => format!("{rate} messages/s due"),
            Pace::InFlight(count) => format!("{count} in flight on each"),
        };
        let (seconds, counts, totals) =
            (outcome.took.as_secs_f64(), outcome.counts, &outcome.totals);
        let rate = per_second(counts.answered, outcome.took);
        #[allow(clippy::cast_precision_loss, reason = "a size of at most 16 MiB")]
        let megabytes = rate * size as f64 / 1e6;
        writeln!(
            to,
            "{}: {} connections, {size} bytes of {kind}, {pace}",
            self.url, totals.opened
        )?;
        writeln!(
            to,
            "answered  {} in {seconds:.1} s: {rate:.0}/s, {megabytes:.1} MB/s",
            counts.answered
        )?;
        writeln!(to, "latency   {}", text(Latency::of(&outcome.latencies)))?;
        for (count, name, what) in [
            (totals.unanswered(), "no answer", "messages"),
            (totals.unsent, "not sent", "messages that were due: the server did not read them"),
            (totals.counts.other, "other", "messages that are no echo of what was sent"),
        ] {
            if count > 0 {
                writeln!(to, "{name:9} {count} {what}")?;
            }
        }
        for (name, reasons) in [("failed", &totals.failed), ("lost", &totals.lost)] {
            for (reason, count) in reasons.all() {
                writeln!(to, "{name:9} {count} connections: {}", printable(reason))?;
            }
        }
        to.flush()
    }

    fn summary<'a>(&'a self, outcome: &'a Outcome) -> Summary<'a> {
        let (rate, in_flight) = match self.plan.pace {
            Pace::Rate(rate) => (Some(rate.get()), None),
            Pace::InFlight(count) => (None, Some(count.get())),
        };
        let totals = &outcome.totals;
        Summary {
            url: &self.url,
            connections: totals.opened,
            size: self.plan.size,
            binary: self.plan.binary,
            rate,
            in_flight,
            seconds: outcome.took.as_secs_f64(),
            sent: outcome.counts.sent,
            answered: outcome.counts.answered,
            per_second: per_second(outcome.counts.answered, outcome.took),
            latency: Latency::of(&outcome.latencies),
            all_sent: totals.counts.sent,
            all_answered: totals.counts.answered,
            unanswered: totals.unanswered(),
            unsent: totals.unsent,
            other: totals.counts.other,
            failed: totals.failed.all(),
            lost: totals.lost.all(),
        }
    }
}

/// Prints a line of JSON.
fn print(line: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", json(line)?).and_then(|()| out.flush())
}

#[allow(clippy::cast_precision_loss, reason = "fewer than 2^53 messages")]
fn per_second(count: u64, time: Duration) -> f64 {
    match time.is_zero() {
        true => 0.0,
        // Tenths are enough.
        false => (count as f64 / time.as_secs_f64() * 10.0).round() / 10.0,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Latencies in microseconds; `None` without an answer.
#[derive(Clone, Copy, Serialize)]
struct Latency {
    p50: u64,
    p90: u64,
    p99: u64,
    #[serde(rename = "p99.9")]
    p999: u64,
    max: u64,
    /// How many messages they are of.
    count: u64,
}

impl Latency {
    fn of(latencies: &Latencies) -> Option<Self> {
        (latencies.count() > 0).then(|| Self {
            p50: latencies.quantile(0.5),
            p90: latencies.quantile(0.9),
            p99: latencies.quantile(0.99),
            p999: latencies.quantile(0.999),
            max: latencies.max(),
            count: latencies.count(),
        })
    }
}

/// Returns latencies in milliseconds.
fn text(latency: Option<Latency>) -> String {
    let Some(latency) = latency else { return "nothing came back".into() };
    let Latency { p50, p90, p99, p999, max, .. } = latency;
    let values = [("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p999), ("max", max)];
    let parts = values.map(|(name, micros)| format!("{name} {}", in_millis(micros)));
    format!("{} ms", parts.join("  "))
}

fn in_millis(micros: u64) -> String {
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

#[derive(Serialize)]
struct Second {
    /// In microseconds, as in every line of `--jsonl`.
    at: u64,
    sent: u64,
    answered: u64,
    per_second: f64,
    latency: Option<Latency>,
}

#[derive(Serialize)]
struct Summary<'a> {
    url: &'a str,
    connections: u64,
    size: usize,
    binary: bool,
    rate: Option<u64>,
    in_flight: Option<u64>,
    seconds: f64,
    sent: u64,
    answered: u64,
    per_second: f64,
    latency: Option<Latency>,
    /// Of the whole run, warming up and the last answers included.
    all_sent: u64,
    all_answered: u64,
    unanswered: u64,
    unsent: u64,
    other: u64,
    failed: &'a BTreeMap<String, u64>,
    lost: &'a BTreeMap<String, u64>,
}
