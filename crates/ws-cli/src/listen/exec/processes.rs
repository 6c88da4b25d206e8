//! All processes of a server: their number, and the end of those whose connections have ended.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::group::Group;

/// How much longer than their grace to wait for processes that were killed.
const SLACK: Duration = Duration::from_secs(1);

/// The processes of a server.
#[derive(Debug)]
pub(in crate::listen) struct Processes {
    most: usize,
    grace: Duration,
    running: Mutex<Vec<Weak<Group>>>,
    /// The number of places in use.
    taken: Mutex<usize>,
    freed: Condvar,
    /// To the thread that abandons those that outlive their connections.
    ending: Mutex<Sender<(Instant, Weak<Group>)>>,
}

/// A place among the processes. It is free once the process has ended, and nothing that it started holds its
/// input or output, or the grace after the end of its connection has passed.
#[derive(Debug)]
pub(super) struct Place(Arc<Processes>);

impl Processes {
    /// At most `most` run at once. A process whose connection has ended has `grace` to end, too.
    pub(super) fn new(most: usize, grace: Duration) -> Arc<Self> {
        let (sender, ending) = channel();
        thread::spawn(move || abandon_the_late(&ending));
        Arc::new(Self {
            most,
            grace,
            running: Mutex::default(),
            taken: Mutex::default(),
            freed: Condvar::new(),
            ending: Mutex::new(sender),
        })
    }

    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// Takes a place; `None` if all are in use.
    pub(super) fn take_place(self: &Arc<Self>) -> Option<Place> {
        let mut taken = self.taken.lock();
        if *taken >= self.most {
            return None;
        }
        *taken += 1;
        Some(Place(Arc::clone(self)))
    }

    /// Waits for the processes of a server that has ended; the last of them are killed.
    pub(in crate::listen) fn wait(&self) {
        let until = Instant::now() + self.grace + SLACK;
        let mut taken = self.taken.lock();
        while *taken > 0 && !self.freed.wait_until(&mut taken, until).timed_out() {}
    }

    /// Kills all processes at once.
    pub(in crate::listen) fn kill(&self) {
        for process in self.running.lock().iter().filter_map(Weak::upgrade) {
            process.kill();
        }
    }
}

impl Place {
    /// Remembers the process that has this place.
    pub(super) fn fill(&self, process: Weak<Group>) {
        let mut running = self.0.running.lock();
        running.retain(|other| other.strong_count() > 0);
        running.push(process);
    }

    /// Kills the process once its grace has passed, and frees its place.
    pub(super) fn abandon_later(&self, process: Weak<Group>) {
        let at = Instant::now() + self.0.grace;
        // The thread that receives this ends last.
        let _ = self.0.ending.lock().send((at, process));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.taken.lock() -= 1;
        self.0.freed.notify_all();
    }
}

/// Abandons each process when its time has come. All have the same grace, so the first in the queue is the first in
/// time.
fn abandon_the_late(ending: &Receiver<(Instant, Weak<Group>)>) {
    while let Ok((at, process)) = ending.recv() {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if let Some(process) = process.upgrade() {
            process.abandon();
        }
    }
}
