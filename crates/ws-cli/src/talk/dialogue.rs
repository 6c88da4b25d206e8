//! A dialogue with a server in a terminal: lines to messages, messages to lines.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ws_std::wsproto::CloseInfo;
use ws_std::wsproto::handshake::Response;
use ws_std::{Error, Message, WebSocketConnection};

use super::commands::{HELP, Input};
use super::screen::{append_message, append_notice};
use super::typing::{Typing, prompt};
use crate::connection::Prepared;
use crate::exit::Exit;
use crate::outlet::Outlet;
use crate::session::{Current, Events};
use crate::terminal::Colours;

/// The state of a dialogue.
pub(super) struct Dialogue {
    pub(super) current: Arc<Current>,
    pub(super) outlet: Arc<Outlet>,
    pub(super) colours: Colours,
    /// The time limit for a Pong that the user asks for.
    patience: Duration,
    sent: Count,
    received: Count,
    /// When the connection opened.
    opened: Mutex<Option<Instant>>,
    /// When the user asked for a Ping.
    pinged: Mutex<Option<Instant>>,
}

/// Messages and their bytes.
#[derive(Default)]
struct Count {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Count {
    fn add(&self, bytes: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        write!(f, "{} messages, {} bytes", count(&self.messages), count(&self.bytes))
    }
}

impl Dialogue {
    pub(super) fn new(
        current: Arc<Current>,
        outlet: Arc<Outlet>,
        colours: Colours,
        patience: Duration,
    ) -> Self {
        let (sent, received) = (Count::default(), Count::default());
        let (opened, pinged) = (Mutex::new(None), Mutex::new(None));
        Self { current, outlet, colours, patience, sent, received, opened, pinged }
    }

    /// Carries out the lines that the user types, until Ctrl-C, Ctrl-D, or the end of the conversation.
    pub(super) fn type_lines(&self, mut typing: Typing) {
        // The first prompt means that the connection is open.
        if self.current.next(0).is_none() {
            return;
        }
        loop {
            let round_trip = self.current.now().and_then(|ws| ws.round_trip());
            match typing.next(&prompt(round_trip), |complaint| self.notice(complaint)) {
                Ok(Some(line)) => self.carry_out(&line),
                Ok(None) => return self.current.end(),
                Err(exit) => return self.current.fail(exit),
            }
        }
    }

    fn carry_out(&self, line: &str) {
        match Input::parse(line) {
            Ok(Input::Nothing) => {}
            Ok(Input::Help) => self.notice(HELP),
            Ok(input) => match self.current.now() {
                Some(ws) => self.use_connection(&ws, input),
                None => self.notice("not connected"),
            },
            Err(complaint) => self.notice(&complaint),
        }
    }

    fn use_connection(&self, ws: &WebSocketConnection, input: Input) {
        let done = match input {
            Input::Text(text) => self.send(ws, text.into()),
            Input::Binary(bytes) => self.send(ws, bytes.into()),
            Input::File(path) => self.send_file(ws, &path),
            Input::Ping => {
                *self.pinged.lock() = Some(Instant::now());
                ws.ping_within(self.patience)
            }
            Input::Close(frame) => ws.close(frame),
            Input::Stats => {
                self.show_stats(ws);
                Ok(())
            }
            Input::Help | Input::Nothing => Ok(()),
        };
        match done {
            Ok(()) => {}
            Err(Error::WouldExceed(_)) => self.notice("not sent: the peer reads nothing"),
            Err(error) => self.notice(&error.to_string()),
        }
    }

    fn send(&self, ws: &WebSocketConnection, message: Message) -> Result<(), Error> {
        let bytes = message.as_bytes().len();
        ws.send(message)?;
        self.sent.add(bytes);
        Ok(())
    }

    fn send_file(&self, ws: &WebSocketConnection, path: &Path) -> Result<(), Error> {
        match read_file(path) {
            Ok(bytes) => {
                let sending = format!("sending {} bytes", bytes.len());
                self.send(ws, bytes.into())?;
                self.notice(&sending);
            }
            Err(error) => self.notice(&format!("{}: {error}", path.display())),
        }
        Ok(())
    }

    fn show_stats(&self, ws: &WebSocketConnection) {
        let open = self.opened.lock().map_or(Duration::ZERO, |opened| opened.elapsed());
        let round_trip = ws.round_trip().map_or("unknown".into(), |time| format!("{time:.1?}"));
        self.notice(&format!(
            "open for {open:.1?}\nsent {}\nreceived {}\nunwritten {} bytes\nround trip {round_trip}",
            self.sent,
            self.received,
            ws.buffered_amount(),
        ));
    }

    fn notice(&self, text: &str) {
        self.outlet.push_event(|out| append_notice(text, self.colours, out));
    }
}

/// Reads a file. A device or a pipe may have no end.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    match fs::metadata(path)?.is_file() {
        true => fs::read(path),
        false => Err(io::Error::other("it is no file")),
    }
}

impl Events for Dialogue {
    fn opened(&self, ws: &WebSocketConnection, prepared: &Prepared, _: &Response) {
        *self.opened.lock() = Some(Instant::now());
        let url = ws.url().unwrap_or_else(|| prepared.request.url().clone());
        let subprotocol = ws.subprotocol();
        let subprotocol = subprotocol.map(|name| format!(", subprotocol {name}"));
        let subprotocol = subprotocol.unwrap_or_default();
        self.notice(&format!("connected to {url}{subprotocol}; /help lists the commands"));
        if let Some(keep_alive) = prepared.options.config.keep_alive {
            // For the round trip. Fails if the connection has closed.
            let _ = ws.ping_within(keep_alive.patience);
        }
    }

    fn message(&self, ws: &WebSocketConnection, message: Message) {
        self.received.add(message.as_bytes().len());
        self.outlet.push(ws, |out| append_message(&message, self.colours, out));
    }

    fn ping(&self, _: &WebSocketConnection, _: &[u8]) {}

    fn pong(&self, _: &WebSocketConnection, _: &[u8]) {
        if let Some(pinged) = self.pinged.lock().take() {
            self.notice(&format!("pong after {:.1?}", pinged.elapsed()));
        }
    }

    fn failed(&self, _: &Exit, _: Option<&Response>) {}

    fn closed(&self, _: &CloseInfo) {}

    fn waiting(&self, exit: &Exit, delay: Duration) {
        self.notice(&format!("{}; connecting again in {delay:.1?}", exit.line));
    }

    fn note(&self, line: &str) {
        self.notice(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_read() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(!read_file(&file).expect("a file").is_empty());
        let endless = if cfg!(unix) { "/dev/zero" } else { env!("CARGO_MANIFEST_DIR") };
        assert_eq!(
            read_file(Path::new(endless)).expect_err("no file").to_string(),
            "it is no file"
        );
    }
}
