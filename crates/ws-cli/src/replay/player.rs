//! Playing: a thread that sends, and the events of the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ws_std::wsproto::CloseInfo;
use ws_std::wsproto::handshake::Response;
use ws_std::{Message, WebSocketConnection};

use super::comparison::Comparison;
use super::recording::{Action, Step};
use super::speed::Speed;
use crate::connection::Prepared;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::sender::{send, with_room};
use crate::session::{Current, Events};

/// Prints the messages that arrive, and compares them with the recording.
pub(super) struct Player {
    printer: Printer,
    comparison: Option<Arc<Comparison>>,
    /// How many messages the recording has, once everything is sent.
    expected: AtomicU64,
    current: Arc<Current>,
}

impl Player {
    pub(super) const fn new(
        printer: Printer,
        comparison: Option<Arc<Comparison>>,
        current: Arc<Current>,
    ) -> Self {
        Self { printer, comparison, expected: AtomicU64::new(u64::MAX), current }
    }
}

/// Plays the steps on the connection, each at its time, and ends the conversation. With a comparison, waits up to `wait`
/// for late messages.
pub(super) fn play(
    player: &Player,
    steps: impl Iterator<Item = Result<Step, String>>,
    speed: Speed,
    wait: Duration,
) {
    let current = &*player.current;
    let Some((_, ws)) = current.next(0) else { return };
    let begun = Instant::now();
    let mut expected = 0;
    for step in steps {
        let step = match step {
            Ok(step) => step,
            // The file has changed since it was checked.
            Err(line) => return current.fail(Exit::usage(line)),
        };
        let due = speed.scaled(step.at).saturating_sub(begun.elapsed());
        if !due.is_zero() && current.wait_over(due) {
            return;
        }
        let sent = match step.action {
            Action::Send(message) => {
                player.printer.sending(&message);
                send(current, &player.printer, &ws, &message)
            }
            Action::Ping(payload) => {
                with_room(current, &player.printer, &ws, || ws.ping(&payload).map(drop))
            }
            Action::Expect(_) => {
                expected += 1;
                Ok(())
            }
            Action::End => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
    if player.comparison.is_some() {
        // Either `message` finds this number, or this finds all messages: it counts before it looks.
        player.expected.store(expected, Ordering::SeqCst);
        if player.printer.received() < expected {
            current.wait_over(wait);
        }
    }
    current.end();
}

impl Events for Player {
    fn opened(&self, ws: &WebSocketConnection, prepared: &Prepared, response: &Response) {
        self.printer.opened(ws, prepared, response);
    }

    fn message(&self, ws: &WebSocketConnection, message: Message) {
        if let Some(comparison) = &self.comparison {
            comparison.arrived(&message);
        }
        self.printer.message(ws, message);
        if self.printer.received() >= self.expected.load(Ordering::SeqCst) {
            self.current.end();
        }
    }

    fn ping(&self, ws: &WebSocketConnection, payload: &[u8]) {
        self.printer.ping(ws, payload);
    }

    fn pong(&self, ws: &WebSocketConnection, payload: &[u8]) {
        self.printer.pong(ws, payload);
    }

    fn failed(&self, exit: &Exit, response: Option<&Response>) {
        self.printer.failed(exit, response);
    }

    fn closed(&self, info: &CloseInfo) {
        self.printer.closed(info);
    }

    fn note(&self, line: &str) {
        self.printer.note(line);
    }

    fn waiting(&self, exit: &Exit, delay: Duration) {
        self.printer.waiting(exit, delay);
    }
}
