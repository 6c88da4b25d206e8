//! The thread that sends, and then ends the conversation.

use std::io::BufRead;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ws_std::{Error, Message, WebSocketConnection};

use super::printing::Printer;
use super::source::{Parts, Source};
use crate::exit::{Exit, Status};
use crate::session::Current;

/// The thread that sends.
pub(super) struct Sending {
    pub(super) current: Arc<Current>,
    pub(super) printer: Arc<Printer>,
    /// How many messages to receive.
    pub(super) count: Option<u64>,
    /// How long to receive after everything was sent.
    pub(super) wait: Option<Duration>,
}

/// The connection has ended.
struct Ended;

impl Sending {
    /// Sends everything, waits for answers if asked to, and ends the conversation.
    pub(super) fn run(self, source: Source) {
        match source {
            Source::Arguments(messages) => self.send_arguments(&messages),
            Source::Stdin(mut parts) => match self.send_parts(&mut parts) {
                Ok(()) => self.finish(),
                Err(line) => self.current.fail(Exit::usage(line)),
            },
        }
    }

    /// Sends messages on each connection. The first time, the wait for answers begins.
    fn send_arguments(&self, messages: &[Message]) {
        thread::scope(|scope| {
            let (mut seen, mut is_waiting) = (0, false);
            while let Some((number, ws)) = self.current.next(seen) {
                seen = number;
                let sent = messages.iter().try_for_each(|message| {
                    self.printer.sending(message);
                    self.send(&ws, message)
                });
                if sent.is_ok() && !is_waiting {
                    is_waiting = true;
                    scope.spawn(|| self.finish());
                }
            }
        });
    }

    /// Sends the parts of an input on the connections that are open, each part once. The error is a line for the
    /// user.
    fn send_parts<R: BufRead>(&self, parts: &mut Parts<R>) -> Result<(), String> {
        let (mut seen, mut unsent) = (0, None);
        while let Some((number, ws)) = self.current.next(seen) {
            seen = number;
            while self.send_unsent(&ws, &mut unsent).is_ok() {
                let Some(message) = parts.next()? else { return Ok(()) };
                self.printer.sending(&message);
                unsent = Some(message);
            }
        }
        Ok(())
    }

    /// Sends the message, if there is one, and forgets it.
    fn send_unsent(
        &self,
        ws: &WebSocketConnection,
        unsent: &mut Option<Message>,
    ) -> Result<(), Ended> {
        if let Some(message) = unsent {
            self.send(ws, message)?;
            *unsent = None;
        }
        Ok(())
    }

    /// Sends a message; waits for room as long as the peer reads.
    fn send(&self, ws: &WebSocketConnection, message: &Message) -> Result<(), Ended> {
        loop {
            let sent = match message {
                Message::Text(text) => ws.send_text(text),
                Message::Binary(bytes) => ws.send_binary(bytes),
            };
            match sent {
                Ok(_) => return Ok(()),
                // Our own reader holds up the peer's answers, and so its reading.
                Err(Error::WouldExceed(_)) if self.printer.is_full() => {}
                Err(Error::WouldExceed(_)) => {
                    let line = "the peer reads nothing";
                    self.current.fail(Exit::new(Status::Timeout, line));
                    ws.abort();
                    return Err(Ended);
                }
                Err(_) => return Err(Ended),
            }
        }
    }

    /// Waits for answers if asked to, and ends the conversation.
    fn finish(&self) {
        let limit = match (self.wait, self.count) {
            (Some(wait), _) => wait,
            (None, Some(_)) => Duration::MAX,
            (None, None) => Duration::ZERO,
        };
        if limit.is_zero() || !self.current.wait_over(limit) {
            let (received, count) = (self.printer.received(), self.count.unwrap_or_default());
            if received < count {
                let line = format!("{received} of {count} messages arrived within {limit:?}");
                return self.current.fail(Exit::new(Status::Timeout, line));
            }
            self.current.end();
        }
    }
}
