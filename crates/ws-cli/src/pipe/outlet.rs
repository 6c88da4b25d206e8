//! Standard output, written by a thread of its own: a reader that is slow stops the peer, not the connection.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use ws_std::WebSocketConnection;

use crate::exit::{Exit, Status};

/// The thread that writes.
pub(crate) type Writing = JoinHandle<io::Result<()>>;

/// How many bytes may wait for the reader of standard output before the peer has to.
const MARK: usize = 256 << 10;

/// Output on its way to standard output. Beyond [`MARK`], connections are paused: nothing more is read from them, but
/// they live.
#[derive(Default)]
pub(crate) struct Outlet {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// The connections that are paused.
    paused: Vec<WebSocketConnection>,
    /// Whether all output was appended.
    is_complete: bool,
    /// Whether output can no longer be written.
    is_gone: bool,
}

impl Outlet {
    /// Begins to write to standard output. `gone` is called if nobody reads it any more.
    pub(crate) fn stdout(gone: impl FnOnce() + Send + 'static) -> (Arc<Self>, Writing) {
        Self::to(io::stdout(), gone)
    }

    /// Begins to write to `to`, as [`stdout`](Self::stdout) does.
    pub(crate) fn to(
        mut to: impl Write + Send + 'static,
        gone: impl FnOnce() + Send + 'static,
    ) -> (Arc<Self>, Writing) {
        let outlet = Arc::new(Self::default());
        let writing = Arc::clone(&outlet);
        let thread = thread::spawn(move || {
            let written = writing.write_all(&mut to);
            if written.is_err() {
                gone();
            }
            written
        });
        (outlet, thread)
    }

    /// Writes until all output was appended and written.
    fn write_all(&self, to: &mut impl Write) -> io::Result<()> {
        let mut taken = Vec::new();
        loop {
            let mut state = self.state.lock();
            while state.bytes.is_empty() && !state.is_complete {
                self.changed.wait(&mut state);
            }
            taken.clear();
            mem::swap(&mut taken, &mut state.bytes);
            if taken.is_empty() {
                return Ok(());
            }
            drop(state);
            let written = to.write_all(&taken).and_then(|()| to.flush());
            // A long message is rare: do not keep its memory.
            taken.shrink_to(2 * MARK);
            let mut state = self.state.lock();
            state.is_gone = written.is_err();
            for ws in state.paused.drain(..) {
                ws.resume();
            }
            self.changed.notify_all();
            drop(state);
            written?;
        }
    }

    /// Appends what `append` does, and pauses the connection if there is much. For its handler.
    pub(crate) fn push(&self, ws: &WebSocketConnection, append: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state.lock();
        state.append(append);
        // Under the lock: the writing thread must not resume before.
        if state.bytes.len() > MARK && !state.is_gone {
            // Also one that is paused: another reason for its pause may end earlier.
            ws.pause();
            if !state.paused.contains(ws) {
                state.paused.push(ws.clone());
            }
        }
        self.changed.notify_all();
    }

    /// Appends what `append` does, after waiting for room. For threads that send.
    pub(crate) fn push_and_wait(&self, append: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state.lock();
        while state.bytes.len() > MARK && !state.is_gone {
            self.changed.wait(&mut state);
        }
        state.append(append);
        self.changed.notify_all();
    }

    /// Appends what `append` does. For events that are few.
    pub(crate) fn push_event(&self, append: impl FnOnce(&mut Vec<u8>)) {
        self.state.lock().append(append);
        self.changed.notify_all();
    }

    /// Returns whether more output than [`MARK`] waits for its reader.
    pub(crate) fn is_behind(&self) -> bool {
        let state = self.state.lock();
        state.bytes.len() > MARK && !state.is_gone
    }

    /// Returns whether output waits for its reader, and the peer with it.
    pub(crate) fn is_full(&self) -> bool {
        !self.state.lock().paused.is_empty()
    }

    /// Waits until all output is written. Returns the exit of the run: this one, unless it is clean and output is lost.
    pub(crate) fn finish(&self, writing: Writing, exit: Exit) -> Exit {
        self.state.lock().is_complete = true;
        self.changed.notify_all();
        // A panic of that thread was printed by it.
        let lost = writing.join().ok().and_then(Exit::from_output);
        lost.filter(|_| exit.status == Status::Clean).unwrap_or(exit)
    }
}

impl State {
    fn append(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        if !self.is_gone {
            append(&mut self.bytes);
        }
    }
}
