//! A process with a connection: the lines that wait for it, and the progress of both.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use ws_mio::WebSocketConnection;

use super::group::Group;
use super::processes::Place;

/// The most bytes that wait for a process before its connection is paused.
const MOST_WAITING: usize = 64 << 10;

/// A process and the lines that wait for it.
#[derive(Debug)]
pub(super) struct Process {
    state: Mutex<State>,
    changed: Condvar,
    pub(super) group: Arc<Group>,
    /// Dropped last, with the threads that serve the process.
    place: Place,
}

#[derive(Debug)]
struct State {
    /// The lines that the connection has sent and the process has not taken.
    lines: VecDeque<Vec<u8>>,
    /// Their bytes.
    waiting: usize,
    /// The number of lines that the process has taken.
    taken: u64,
    input: Input,
    /// How often the output of the connection was written completely.
    drained: u64,
    /// Whether the connection has ended.
    is_over: bool,
}

/// The state of the standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Open,
    /// The connection is paused, because too much waits.
    Full,
    /// No more lines are accepted.
    Closed,
}

impl Process {
    pub(super) fn new(group: Arc<Group>, place: Place) -> Arc<Self> {
        place.fill(Arc::downgrade(&group));
        let state = State {
            lines: VecDeque::new(),
            waiting: 0,
            taken: 0,
            input: Input::Open,
            drained: 0,
            is_over: false,
        };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), group, place })
    }

    /// Queues a line for the process. Pauses the connection if too many bytes wait; returns whether it did.
    pub(super) fn push(&self, ws: &WebSocketConnection, line: Vec<u8>) -> bool {
        let mut state = self.state.lock();
        if state.input == Input::Closed {
            return false;
        }
        state.waiting += line.len();
        state.lines.push_back(line);
        self.changed.notify_all();
        let is_full = state.waiting > MOST_WAITING;
        if is_full {
            state.input = Input::Full;
            // Also a connection that is paused: another reason for its pause may end earlier.
            ws.pause();
        }
        is_full
    }

    /// Waits for the next line; `None` once the connection has ended and all lines are taken. Resumes the
    /// connection when nothing waits any more.
    pub(super) fn next_line(&self, ws: &WebSocketConnection) -> Option<Vec<u8>> {
        let mut state = self.state.lock();
        loop {
            if let Some(line) = state.lines.pop_front() {
                state.waiting -= line.len();
                state.taken += 1;
                return Some(line);
            }
            match state.input {
                Input::Closed => return None,
                Input::Full => {
                    state.input = Input::Open;
                    ws.resume();
                }
                Input::Open => self.changed.wait(&mut state),
            }
        }
    }

    /// Returns how many lines the process has taken, if its connection is paused.
    pub(super) fn progress(&self) -> Option<u64> {
        let state = self.state.lock();
        (state.input == Input::Full).then_some(state.taken)
    }

    /// Accepts no more lines, and forgets those that wait.
    pub(super) fn close_input(&self, ws: &WebSocketConnection) {
        let mut state = self.state.lock();
        if state.input == Input::Full {
            ws.resume();
        }
        state.input = Input::Closed;
        state.lines.clear();
        state.waiting = 0;
        self.changed.notify_all();
    }

    /// Notes that the output of the connection is written.
    pub(super) fn drained(&self) {
        self.state.lock().drained += 1;
        self.changed.notify_all();
    }

    pub(super) fn drained_count(&self) -> u64 {
        self.state.lock().drained
    }

    /// Waits until the output of the connection is written, once more than `before` times. Returns `false` if the
    /// connection has ended.
    pub(super) fn wait_drained(&self, before: u64) -> bool {
        let mut state = self.state.lock();
        while state.drained == before && !state.is_over {
            self.changed.wait(&mut state);
        }
        !state.is_over
    }

    /// Notes that the connection has ended: the process gets the lines that wait, then the end of its input, and is
    /// killed after its grace.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        if !state.is_over {
            state.is_over = true;
            state.input = Input::Closed;
            self.changed.notify_all();
            drop(state);
            self.place.abandon_later(Arc::downgrade(&self.group));
        }
    }
}
