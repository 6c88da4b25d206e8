//! The events of a connection on standard output.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ws_std::wsproto::handshake::Response;
use ws_std::wsproto::{CloseCode, CloseInfo};
use ws_std::{Message, WebSocketConnection};

use super::format::Format;
use super::outlet::Outlet;
use crate::connection::Prepared;
use crate::exit::Exit;
use crate::jsonl::{End, Event, Head, Line, micros, time_of_day};
use crate::session::Events;
use crate::terminal::{printable, tell};

/// Prints messages, or with `--jsonl` all events.
pub(crate) struct Printer {
    format: Format,
    jsonl: bool,
    /// How many messages to print.
    most: Option<u64>,
    /// How many were received.
    received: AtomicU64,
    outlet: Arc<Outlet>,
    for_terminal: bool,
    begun: Instant,
}

impl Printer {
    pub(crate) fn new(format: Format, jsonl: bool, most: Option<u64>, outlet: Arc<Outlet>) -> Self {
        let for_terminal = io::stdout().is_terminal();
        let (received, begun) = (AtomicU64::new(0), Instant::now());
        Self { format, jsonl, most, received, outlet, for_terminal, begun }
    }

    /// Returns how many messages were received.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Returns whether the reader of standard output holds up the connection.
    pub(crate) fn is_full(&self) -> bool {
        self.outlet.is_full()
    }

    /// Notes a message that is being sent.
    pub(crate) fn sending(&self, message: &Message) {
        if self.jsonl {
            let event = Event::message(End::Own, message);
            self.outlet.push_and_wait(|out| self.append(event, out));
        }
    }

    /// Appends a line. The time is read while the output is locked, so that times do not decrease.
    fn append(&self, event: Event<'_>, out: &mut Vec<u8>) {
        Line { at: micros(self.begun.elapsed()), connection: None, event }.append(out);
    }

    fn event(&self, event: Event<'_>) {
        if self.jsonl {
            self.outlet.push_event(|out| self.append(event, out));
        }
    }
}

impl Events for Printer {
    fn opened(&self, ws: &WebSocketConnection, prepared: &Prepared, response: &Response) {
        if !self.jsonl {
            return;
        }
        let url = ws.url().unwrap_or_else(|| prepared.request.url().clone());
        let extensions: Vec<_> = ws.extensions().iter().map(ToString::to_string).collect();
        self.event(Event::Open {
            time: time_of_day(),
            url: url.as_given().into(),
            peer: ws.peer_addr().map(|peer| peer.to_string().into()),
            subprotocol: ws.subprotocol().map(Into::into),
            extensions: (!extensions.is_empty()).then(|| extensions.join(", ").into()),
            request: Head::of_request(&prepared.request, &prepared.options),
            response: Head::of_response(response),
        });
    }

    fn message(&self, ws: &WebSocketConnection, message: Message) {
        let number = self.received.fetch_add(1, Ordering::Relaxed) + 1;
        let most = self.most.unwrap_or(u64::MAX);
        if number <= most {
            self.outlet.push(ws, |out| match self.jsonl {
                true => self.append(Event::message(End::Peer, &message), out),
                false => self.format.append(&message, self.for_terminal, out),
            });
        }
        if number >= most {
            // 1000 is a code that a client may set.
            let _ = ws.terminate(CloseCode::NORMAL, "");
        }
    }

    fn ping(&self, ws: &WebSocketConnection, payload: &[u8]) {
        if self.jsonl {
            let event = Event::ping(End::Peer, payload);
            self.outlet.push(ws, |out| self.append(event, out));
        }
    }

    fn pong(&self, ws: &WebSocketConnection, payload: &[u8]) {
        if self.jsonl {
            let event = Event::pong(End::Peer, payload, ws.round_trip());
            self.outlet.push(ws, |out| self.append(event, out));
        }
    }

    fn failed(&self, exit: &Exit, response: Option<&Response>) {
        self.event(Event::error(exit, response));
    }

    fn closed(&self, info: &CloseInfo) {
        self.event(Event::close(info));
    }

    fn note(&self, line: &str) {
        tell(&printable(line));
    }

    fn waiting(&self, exit: &Exit, delay: Duration) {
        let cause = printable(&exit.line);
        let delay = delay.as_secs_f32();
        tell(&format!("ws: {cause}; connecting again in {delay:.1} s"));
    }
}
