//! The events of connections on standard output, as lines of `--jsonl`.

use std::sync::Arc;
use std::time::Instant;

use ws_std::WebSocketConnection;

use crate::jsonl::{Event, Line, micros};
use crate::outlet::Outlet;

/// Writes the lines of `--jsonl`; without that option, nothing.
///
/// Times are read while the output is locked, so they do not decrease from line to line. `connection` is the id of a
/// connection at a server.
pub(crate) struct Recorder {
    outlet: Arc<Outlet>,
    is_on: bool,
    begun: Instant,
}

impl Recorder {
    pub(crate) fn new(is_on: bool, outlet: Arc<Outlet>) -> Self {
        Self { outlet, is_on, begun: Instant::now() }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// Records an event that the peer causes. Pauses the connection if much output waits. For its handler.
    pub(crate) fn arrived<'a>(
        &self,
        ws: &WebSocketConnection,
        connection: Option<u64>,
        event: impl FnOnce() -> Event<'a>,
    ) {
        if self.is_on {
            let event = event();
            self.outlet.push(ws, |out| self.append(connection, event, out));
        }
    }

    /// Records an event, after waiting for room. For threads that send.
    pub(crate) fn sending<'a>(&self, connection: Option<u64>, event: impl FnOnce() -> Event<'a>) {
        if self.is_on {
            let event = event();
            self.outlet.push_and_wait(|out| self.append(connection, event, out));
        }
    }

    /// Records an event of a kind that is rare, or answers one that was recorded.
    pub(crate) fn event<'a>(&self, connection: Option<u64>, event: impl FnOnce() -> Event<'a>) {
        if self.is_on {
            let event = event();
            self.outlet.push_event(|out| self.append(connection, event, out));
        }
    }

    fn append(&self, connection: Option<u64>, event: Event<'_>, out: &mut Vec<u8>) {
        Line { at: micros(self.begun.elapsed()), connection, event }.append(out);
    }
}
