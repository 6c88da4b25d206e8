//! The lines of the output.

use std::io::{self, Write};

use serde::Serialize;

use super::Failure;
use super::event::TraceEvent;
use crate::terminal::json;

/// Prints the events of a conversation, with their times and senders.
pub(super) struct Printer<W> {
    print: W,
    /// The time of the first packet of the file.
    start: Option<u64>,
    now: u64,
}

/// A line of the output.
#[derive(Serialize)]
struct Line<'a> {
    /// In microseconds since the first packet of the file.
    at: u64,
    from: &'static str,
    #[serde(flatten)]
    event: &'a TraceEvent<'a>,
}

impl<W: Write> Printer<W> {
    pub(super) const fn new(print: W) -> Self {
        Self { print, start: None, now: 0 }
    }

    pub(super) fn set_time(&mut self, time: u64) {
        let start = *self.start.get_or_insert(time);
        self.now = time.saturating_sub(start);
    }

    /// Prints an event of the client or of the server.
    pub(super) fn emit(&mut self, is_client: bool, event: &TraceEvent<'_>) -> Result<(), Failure> {
        let from = if is_client { "client" } else { "server" };
        let line = json(&Line { at: self.now, from, event });
        Ok(writeln!(self.print, "{}", line.map_err(io::Error::from)?)?)
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.print.flush()?)
    }
}
