//! Reports of a check: a screen of text, or JSON.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::exchange::{Abilities, Finding};
use super::judgement::Verdict;
use super::probes::{self, GROUPS, Group};
use super::wire::Kept;
use crate::terminal::{hex, pretty_json, printable};

/// How many bytes of a direction the text shows.
const MOST_SHOWN: usize = 256;

/// The findings of a check.
pub(super) struct Report<'a> {
    pub(super) url: String,
    pub(super) abilities: &'a Abilities,
    pub(super) findings: &'a [(&'static Group, Finding)],
    pub(super) took: Duration,
    /// Whether to tell everything about every probe.
    pub(super) verbose: bool,
}

impl Report<'_> {
    /// Returns how many findings have a verdict.
    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|(_, finding)| finding.is(verdict)).count()
    }

    /// Writes the text: a line for each group, each probe that is not right, and a summary.
    pub(super) fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let not = |it: bool| if it { "" } else { " not" };
        let Abilities { echo, extensions } = self.abilities;
        let (echo, deflate) = (not(*echo), not(extensions.deflate().is_some()));
        writeln!(to, "{}: does{echo} echo, does{deflate} compress\n", self.url)?;
        for group in &GROUPS {
            self.group(group, to)?;
        }
        writeln!(to)?;
        let mut any = false;
        for (_, finding) in self.findings {
            match finding.judgement.verdict {
                Verdict::Ok | Verdict::NotApplicable if !self.verbose => continue,
                Verdict::Unusual if !self.verbose => {
                    writeln!(
                        to,
                        "unusual  {}: {}",
                        finding.probe.id,
                        printable(&finding.judgement.came)
                    )?;
                }
                _ => detail(finding, self.verbose, to)?,
            }
            any = true;
        }
        if any {
            writeln!(to)?;
        }
        writeln!(
            to,
            "{} {} in {:.1} s: {}",
            self.findings.len(),
            if self.findings.len() == 1 { "probe" } else { "probes" },
            self.took.as_secs_f64(),
            self.sums()
        )
    }

    fn group(&self, group: &Group, to: &mut dyn Write) -> io::Result<()> {
        let here = self.findings.iter().filter(|(its, _)| its.name == group.name);
        let here: Vec<_> = here.map(|(_, finding)| finding).collect();
        if here.is_empty() {
            return Ok(());
        }
        let count = |verdict| here.iter().filter(|finding| finding.is(verdict)).count();
        let parts = counted(count);
        let lack = here.iter().find(|finding| finding.is(Verdict::NotApplicable));
        let lack = lack.map(|finding| format!(": {}", printable(&finding.judgement.came)));
        writeln!(to, "{:16}{parts}{}", group.name, lack.unwrap_or_default())
    }

    fn sums(&self) -> String {
        let sums = counted(|verdict| self.count(verdict));
        match self.count(Verdict::Wrong) {
            0 => format!("{sums}; nothing is wrong"),
            _ => sums,
        }
    }

    /// Writes one JSON document.
    pub(super) fn json(&self, to: &mut dyn Write) -> io::Result<()> {
        let document = Document {
            url: &self.url,
            echo: self.abilities.echo,
            deflate: self.abilities.extensions.deflate().map(|agreed| agreed.to_string()),
            ok: self.count(Verdict::Ok),
            unusual: self.count(Verdict::Unusual),
            wrong: self.count(Verdict::Wrong),
            not_applicable: self.count(Verdict::NotApplicable),
            milliseconds: self.took.as_millis(),
            probes: self.findings.iter().map(|(group, finding)| Line::of(group, finding)).collect(),
        };
        writeln!(to, "{}", pretty_json(&document)?)
    }
}

/// Writes every probe: name, rule, claim.
pub(super) fn list(to: &mut dyn Write) -> io::Result<()> {
    for (_, probe) in probes::all() {
        writeln!(to, "{:22} {:24} {}", probe.id, probe.rule, probe.claim)?;
    }
    Ok(())
}

/// Returns the counts that are not zero, in words.
fn counted(count: impl Fn(Verdict) -> usize) -> String {
    let verdicts = [Verdict::Ok, Verdict::Wrong, Verdict::Unusual, Verdict::NotApplicable];
    let counts = verdicts.into_iter().map(|verdict| (count(verdict), verdict.name()));
    let parts: Vec<_> = counts
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    parts.join(", ")
}

/// Writes everything about a probe.
fn detail(finding: &Finding, bytes: bool, to: &mut dyn Write) -> io::Result<()> {
    let (probe, judgement) = (finding.probe, &finding.judgement);
    writeln!(to, "{:8} {}, {}: {}", judgement.verdict.name(), probe.id, probe.rule, probe.claim)?;
    writeln!(to, "         expected {}", probe.ask)?;
    writeln!(to, "         came     {}", printable(&judgement.came))?;
    if bytes {
        dump("sent", &finding.record.sent, to)?;
        dump("received", &finding.record.received, to)?;
    }
    Ok(())
}

/// Writes bytes, 16 in a line.
fn dump(name: &str, kept: &Kept, to: &mut dyn Write) -> io::Result<()> {
    let shown = kept.bytes.get(..MOST_SHOWN).unwrap_or(&kept.bytes);
    for (index, line) in shown.chunks(16).enumerate() {
        let name = if index == 0 { name } else { "" };
        let spaced: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let visible = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
        let text: String = line.iter().map(visible).collect();
        writeln!(to, "         {name:8} {:47}  {text}", spaced.join(" "))?;
    }
    if shown.len() < kept.len {
        writeln!(to, "         {:8} {} bytes in all", "", kept.len)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Document<'a> {
    url: &'a str,
    echo: bool,
    deflate: Option<String>,
    ok: usize,
    unusual: usize,
    wrong: usize,
    not_applicable: usize,
    milliseconds: u128,
    probes: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    group: &'a str,
    rule: &'a str,
    claim: &'a str,
    verdict: &'a str,
    expected: String,
    came: &'a str,
    microseconds: u128,
    sent: String,
    sent_bytes: usize,
    received: String,
    received_bytes: usize,
}

impl<'a> Line<'a> {
    fn of(group: &'a Group, finding: &'a Finding) -> Self {
        let (probe, judgement, record) = (finding.probe, &finding.judgement, &finding.record);
        Self {
            id: probe.id,
            group: group.name,
            rule: probe.rule,
            claim: probe.claim,
            verdict: judgement.verdict.name(),
            expected: probe.ask.to_string(),
            came: &judgement.came,
            microseconds: finding.took.as_micros(),
            sent: hex(&record.sent.bytes),
            sent_bytes: record.sent.len,
            received: hex(&record.received.bytes),
            received_bytes: record.received.len,
        }
    }
}
