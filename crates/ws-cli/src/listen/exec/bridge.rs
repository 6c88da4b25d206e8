//! A connection bridged with a process.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ws_mio::wsproto::CloseCode;
use ws_mio::{Message, WebSocketConnection};

use super::input;
use super::output::Output;
use super::process::Process;
use crate::listen::report::Report;

/// A process and its connection. Dropping the bridge ends the process.
#[derive(Debug)]
pub(in crate::listen) struct Bridge {
    process: Arc<Process>,
    max_line: usize,
    /// The time after which a process that reads nothing is given up. The connection is paused meanwhile, so the end of
    /// its client is not noticed.
    patience: Duration,
    /// How many lines the process had taken when the timer was set; `None` without one.
    watched: Option<u64>,
}

impl Bridge {
    pub(super) const fn new(process: Arc<Process>, max_line: usize, patience: Duration) -> Self {
        Self { process, max_line, patience, watched: None }
    }

    /// Starts the threads that carry the lines, one for each direction.
    pub(in crate::listen) fn open(&self, ws: &WebSocketConnection, report: &Arc<Report>) {
        if let Some((stdin, stdout)) = self.process.group.take_pipes() {
            let (process, connection) = (Arc::clone(&self.process), ws.clone());
            let output = Output { process, ws: connection, report: Arc::clone(report) };
            let max_line = self.max_line;
            let reads = move || output.send_all(stdout, max_line);
            let (process, connection) = (Arc::clone(&self.process), ws.clone());
            let writes = move || input::write_all(&process, &connection, stdin);
            let started = thread::Builder::new()
                .spawn(writes)
                .and_then(|_| thread::Builder::new().spawn(reads));
            if started.is_err() {
                let _ = ws.terminate(CloseCode::INTERNAL_ERROR, "no more threads");
            }
        }
    }

    /// Passes a message on, as a line.
    pub(in crate::listen) fn message(&mut self, ws: &WebSocketConnection, message: Message) {
        let mut line = match message {
            Message::Text(text) => text.into_bytes(),
            Message::Binary(bytes) => bytes,
        };
        line.push(b'\n');
        if self.process.push(ws, line) && self.watched.is_none() {
            self.watch(ws);
        }
    }

    pub(in crate::listen) fn drained(&self) {
        self.process.drained();
    }

    /// Gives up a process that has read nothing since the timer was set.
    pub(in crate::listen) fn timer(&mut self, ws: &WebSocketConnection) {
        let before = self.watched.take();
        match self.process.progress() {
            Some(taken) if Some(taken) == before => {
                // Fails if the connection is gone.
                let _ = ws.terminate(CloseCode::INTERNAL_ERROR, "the process does not read");
                self.process.close_input(ws);
            }
            Some(_) => self.watch(ws),
            None => {}
        }
    }

    fn watch(&mut self, ws: &WebSocketConnection) {
        self.watched = self.process.progress();
        if self.watched.is_some() {
            ws.set_timer(self.patience);
        }
    }

    /// Notes that the connection has ended.
    pub(in crate::listen) fn end(&self) {
        self.process.end();
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.process.end();
    }
}
