//! The connection that is open now, for the threads that send on it and the signals that end it.

use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use ws_std::wsproto::CloseCode;
use ws_std::{Cancel, WebSocketConnection};

use crate::exit::{Exit, Status};
use crate::signals;

/// The open connection of a conversation, if there is one.
#[derive(Default)]
pub(crate) struct Current {
    state: Mutex<State>,
    changed: Condvar,
    cancel: Cancel,
}

#[derive(Default)]
struct State {
    ws: Option<WebSocketConnection>,
    /// The number of connections so far.
    number: u64,
    /// Whether no further connection follows.
    over: bool,
    /// The outcome of the run, if it is not the end of its last connection.
    verdict: Option<Exit>,
}

impl Current {
    /// Sets the open connection; closes it if the conversation is to end.
    pub(super) fn connected(&self, ws: WebSocketConnection) {
        let mut state = self.state.lock();
        state.number += 1;
        if state.over {
            close(&ws);
        }
        state.ws = Some(ws);
        self.changed.notify_all();
    }

    /// Forgets the connection, which is closed.
    pub(super) fn disconnected(&self) {
        self.state.lock().ws = None;
    }

    /// Returns the token that gives up connecting.
    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Returns the outcome that [`fail`](Self::fail) has set.
    pub(super) fn verdict(&self) -> Option<Exit> {
        self.state.lock().verdict.clone()
    }

    /// Ends the conversation: closes the connection with code 1000, or gives up connecting.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.over = true;
        if let Some(ws) = &state.ws {
            close(ws);
        }
        self.changed.notify_all();
        drop(state);
        self.cancel.cancel();
    }

    /// Ends the conversation as [`end`](Self::end) does, with an outcome of its own. The first one counts.
    pub(crate) fn fail(&self, exit: Exit) {
        self.state.lock().verdict.get_or_insert(exit);
        self.end();
    }

    /// Ends the conversation at the first signal, and the process at a signal while it ends.
    pub(crate) fn end_on_signals(self: &Arc<Self>) -> Result<(), Exit> {
        let current = Arc::clone(self);
        signals::on_first(move || match current.is_over() {
            // The first Ctrl-C was a key of the line editor.
            true => process::exit(Status::Interrupted as i32),
            false => current.end(),
        })
    }

    /// Returns the open connection.
    pub(crate) fn now(&self) -> Option<WebSocketConnection> {
        self.state.lock().ws.clone()
    }

    /// Returns whether the conversation is to end.
    pub(crate) fn is_over(&self) -> bool {
        self.state.lock().over
    }

    /// Waits for a connection after the one with the number `seen`. Returns it and its number; `None` if the
    /// conversation ends.
    pub(crate) fn next(&self, seen: u64) -> Option<(u64, WebSocketConnection)> {
        let mut state = self.state.lock();
        loop {
            match &state.ws {
                _ if state.over => return None,
                Some(ws) if state.number > seen => return Some((state.number, ws.clone())),
                _ => self.changed.wait(&mut state),
            }
        }
    }

    /// Waits until the conversation is to end, for at most `limit`. Returns whether it is.
    pub(crate) fn wait_over(&self, limit: Duration) -> bool {
        let until = Instant::now().checked_add(limit);
        let mut state = self.state.lock();
        while !state.over {
            let timed_out = match until {
                Some(until) => self.changed.wait_until(&mut state, until).timed_out(),
                None => {
                    self.changed.wait(&mut state);
                    false
                }
            };
            if timed_out {
                break;
            }
        }
        state.over
    }
}

fn close(ws: &WebSocketConnection) {
    // 1000 is a code that a client may set.
    let _ = ws.terminate(CloseCode::NORMAL, "");
}
