//! The events of a connection on standard output.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ws_std::wsproto::handshake::Response;
use ws_std::wsproto::{CloseCode, CloseInfo, Initiator};
use ws_std::{Message, WebSocketConnection};

use crate::connection::Prepared;
use crate::exit::{Exit, Status};
use crate::format::Format;
use crate::jsonl::{End, Event, Head};
use crate::outlet::Outlet;
use crate::recorder::Recorder;
use crate::session::Events;
use crate::terminal::{printable, tell};

/// Prints messages, or with `--jsonl` all events.
pub(crate) struct Printer {
    format: Format,
    recorder: Recorder,
    /// The most messages to print.
    most: Option<u64>,
    /// How many were received.
    received: AtomicU64,
    /// Whether the peer has closed the last connection.
    left: AtomicBool,
    outlet: Arc<Outlet>,
    for_terminal: bool,
}

impl Printer {
    pub(crate) fn new(format: Format, jsonl: bool, most: Option<u64>, outlet: Arc<Outlet>) -> Self {
        let for_terminal = io::stdout().is_terminal();
        let recorder = Recorder::new(jsonl, Arc::clone(&outlet));
        let (received, left) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { format, recorder, most, received, left, outlet, for_terminal }
    }

    /// Returns how many messages were received.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Returns the exit of a run: a peer that closes before all messages have arrived that were asked for is a loss.
    pub(crate) fn exit(&self, mut exit: Exit) -> Exit {
        let (received, most) = (self.received(), self.most.unwrap_or(0));
        if exit.status == Status::Clean && received < most && self.left.load(Ordering::Relaxed) {
            exit.status = Status::Lost;
            exit.line = format!("{}; {received} of {most} messages arrived", exit.line);
        }
        exit
    }

    /// Returns whether the reader of standard output holds up the connection.
    pub(crate) fn is_full(&self) -> bool {
        self.outlet.is_full()
    }

    /// Records a message that is being sent.
    pub(crate) fn sending(&self, message: &Message) {
        self.recorder.sending(None, || Event::message(End::Own, message));
    }
}

impl Events for Printer {
    fn opened(&self, ws: &WebSocketConnection, prepared: &Prepared, response: &Response) {
        self.recorder.event(None, || {
            let url = ws.url().unwrap_or_else(|| prepared.request.url().clone());
            let request = Head::of_request(&prepared.request, &prepared.options);
            Event::open(ws, url.as_given().to_owned(), request, Head::of_response(response))
        });
    }

    fn message(&self, ws: &WebSocketConnection, message: Message) {
        let number = self.received.fetch_add(1, Ordering::Relaxed) + 1;
        let most = self.most.unwrap_or(u64::MAX);
        if number <= most {
            match self.recorder.is_on() {
                true => self.recorder.arrived(ws, None, || Event::message(End::Peer, &message)),
                false => self.outlet.push(ws, |out| {
                    self.format.append(&message, self.for_terminal, out);
                }),
            }
        }
        if number >= most {
            // 1000 is a code that a client may set.
            let _ = ws.terminate(CloseCode::NORMAL, "");
        }
    }

    fn ping(&self, ws: &WebSocketConnection, payload: &[u8]) {
        self.recorder.arrived(ws, None, || Event::ping(End::Peer, payload));
    }

    fn pong(&self, ws: &WebSocketConnection, payload: &[u8]) {
        self.recorder.arrived(ws, None, || Event::pong(End::Peer, payload, ws.round_trip()));
    }

    fn failed(&self, exit: &Exit, response: Option<&Response>) {
        self.recorder.event(None, || Event::error(exit, response));
    }

    fn closed(&self, info: &CloseInfo) {
        self.left.store(info.initiator == Initiator::Remote, Ordering::Relaxed);
        self.recorder.event(None, || Event::close(info));
    }

    fn note(&self, line: &str) {
        tell(&printable(line));
    }

    fn waiting(&self, exit: &Exit, delay: Duration) {
        let cause = printable(&exit.line);
        tell(&format!("ws: {cause}; connecting again in {:.1} s", delay.as_secs_f32()));
    }
}
