//! The lines of standard input, which all connections hear.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use ws_mio::wsproto::CloseCode;
use ws_mio::{Error, Message, ServerHandle, WebSocketConnection};

use super::report::Report;
use crate::pipe::lines_of_stdin;
use crate::terminal::tell;

/// How long a connection may take nothing before it is closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends the lines of standard input to all connections. A line waits for the first connection, and for those that do
/// not read.
pub(super) struct Speaker {
    /// The longest line, in bytes.
    most: u64,
    report: Arc<Report>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: usize,
    /// How often a connection has written all its output, or has closed.
    progress: u64,
    is_over: bool,
}

impl Speaker {
    pub(super) fn new(most: u64, report: Arc<Report>) -> Arc<Self> {
        Arc::new(Self { most, report, state: Mutex::default(), changed: Condvar::new() })
    }

    /// Begins to read standard input.
    pub(super) fn begin(self: &Arc<Self>, server: &ServerHandle) {
        let (speaker, server) = (Arc::clone(self), server.clone());
        // It may wait for standard input until the process ends.
        thread::spawn(move || {
            if let Err(line) = speaker.run(&server) {
                tell(&format!("ws: {line}; nothing more of it is sent"));
            }
        });
    }

    fn run(&self, server: &ServerHandle) -> Result<(), String> {
        let mut lines = lines_of_stdin(self.most);
        while let Some(message) = lines.next()? {
            if !self.wait_for_listeners() {
                break;
            }
            self.report.sending_and_waiting(None, &message);
            for ws in server.connections() {
                self.send(&ws, &message);
            }
        }
        Ok(())
    }

    /// Waits until a connection is open. Returns `false` if the server has ended.
    fn wait_for_listeners(&self) -> bool {
        let mut state = self.state.lock();
        while state.open == 0 && !state.is_over {
            self.changed.wait(&mut state);
        }
        !state.is_over
    }

    /// Sends a message. Waits for room, as long as the client reads.
    fn send(&self, ws: &WebSocketConnection, message: &Message) {
        let until = Instant::now() + PATIENCE;
        loop {
            let before = self.state.lock().progress;
            let sent = match message {
                Message::Text(text) => ws.send_text(text),
                Message::Binary(bytes) => ws.send_binary(bytes),
            };
            if !matches!(sent, Err(Error::WouldExceed(_))) {
                return;
            }
            let mut state = self.state.lock();
            while state.progress == before && !state.is_over {
                if self.changed.wait_until(&mut state, until).timed_out() {
                    drop(state);
                    // 1008 may be sent.
                    let _ = ws.terminate(CloseCode::POLICY_VIOLATION, "you read nothing");
                    return;
                }
            }
        }
    }

    pub(super) fn opened(&self) {
        self.change(|state| state.open += 1);
    }

    pub(super) fn drained(&self) {
        self.change(|state| state.progress += 1);
    }

    pub(super) fn closed(&self) {
        self.change(|state| {
            state.open = state.open.saturating_sub(1);
            state.progress += 1;
        });
    }

    /// Notes that the server has ended.
    pub(super) fn end(&self) {
        self.change(|state| state.is_over = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.changed.notify_all();
    }
}
