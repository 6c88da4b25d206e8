//! A process: the lines that wait for it, its life and its end.

use std::collections::VecDeque;
use std::io;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use ws_mio::WebSocketConnection;

use super::processes::Place;

/// How many bytes may wait for a process before its connection is not read any more.
const MOST_WAITING: usize = 64 << 10;

/// A process and the lines that wait for it.
#[derive(Debug)]
pub(super) struct Process {
    state: Mutex<State>,
    changed: Condvar,
    /// Dropped last, with the threads that carry the process.
    place: Place,
}

#[derive(Debug)]
struct State {
    /// `None` once the process has ended.
    child: Option<Child>,
    /// What the connection has sent and the process has not read.
    lines: VecDeque<Vec<u8>>,
    waiting: usize,
    /// How many lines have left for the process.
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
    pub(super) fn new(child: Child, place: Place) -> Arc<Self> {
        let state = State {
            child: Some(child),
            lines: VecDeque::new(),
            waiting: 0,
            taken: 0,
            input: Input::Open,
            drained: 0,
            is_over: false,
        };
        let process = Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), place });
        process.place.fill(Arc::downgrade(&process));
        process
    }

    /// Calls `take` with the child, which owns its pipes; `None` if the process has ended.
    pub(super) fn with_child<T>(&self, take: impl FnOnce(&mut Child) -> T) -> Option<T> {
        self.state.lock().child.as_mut().map(take)
    }

    /// Queues a line for the process. Pauses the connection if more than enough wait; returns whether that is so.
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
            // Also one that is paused: another reason for its pause may end earlier.
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
    pub(super) fn end(self: &Arc<Self>) {
        let mut state = self.state.lock();
        if !state.is_over {
            state.is_over = true;
            state.input = Input::Closed;
            self.changed.notify_all();
            drop(state);
            let process: Weak<Self> = Arc::downgrade(self);
            self.place.kill_later(process);
        }
    }

    /// Kills the process, unless it has ended, and all processes of its group.
    pub(super) fn kill(&self) {
        if let Some(child) = &self.state.lock().child {
            kill_group(child);
        }
    }

    /// Waits until the process has ended. Also ends what it has started, as far as that is still in its group.
    pub(super) fn wait(&self) -> io::Result<ExitStatus> {
        let id = self.state.lock().child.as_ref().and_then(group);
        let id = id.ok_or(io::ErrorKind::NotFound)?;
        // It remains a zombie, so its number names nobody else until `wait` below.
        loop {
            match waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                ended => break ended.map(drop)?,
            }
        }
        let mut state = self.state.lock();
        let mut child = state.child.take().ok_or(io::ErrorKind::NotFound)?;
        kill_group(&child);
        child.wait()
    }
}

/// Ends a process that no thread carries: its connection did not open.
impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.state.get_mut().child.take() {
            kill_group(&child);
            // It was killed, so this does not take long.
            let _ = child.wait();
        }
    }
}

fn group(child: &Child) -> Option<Pid> {
    Pid::from_raw(child.id().try_into().ok()?)
}

fn kill_group(child: &Child) {
    if let Some(group) = group(child) {
        // Fails if only zombies are left, on some systems.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
