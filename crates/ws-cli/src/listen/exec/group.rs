//! A child process and its group: all processes that it has started and that have not left it.

use std::io;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// A child process that leads its group; `None` once it has ended.
#[derive(Debug)]
pub(super) struct Group(Mutex<Option<Child>>);

impl Group {
    pub(super) fn new(leader: Child) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(leader))))
    }

    /// Takes the pipes of the standard input and output, once.
    pub(super) fn take_pipes(&self) -> Option<(ChildStdin, ChildStdout)> {
        let mut leader = self.0.lock();
        let leader = leader.as_mut()?;
        leader.stdin.take().zip(leader.stdout.take())
    }

    /// Kills all processes of the group, unless the first has ended.
    pub(super) fn kill(&self) {
        if let Some(leader) = &*self.0.lock() {
            kill_all(leader);
        }
    }

    /// Waits until the first process has ended, and kills the others of its group.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of the operating system, and if another call has waited for it.
    pub(super) fn wait(&self) -> io::Result<ExitStatus> {
        let id = self.0.lock().as_ref().and_then(id).ok_or(io::ErrorKind::NotFound)?;
        // The process stays a zombie, so its number names no other process until `wait` below.
        loop {
            match waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                ended => break ended.map(drop)?,
            }
        }
        let mut state = self.0.lock();
        let mut leader = state.take().ok_or(io::ErrorKind::NotFound)?;
        kill_all(&leader);
        leader.wait()
    }
}

/// Ends a process that no thread waits for: its connection did not open.
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(mut leader) = self.0.get_mut().take() {
            kill_all(&leader);
            // It was killed, so this does not take long.
            let _ = leader.wait();
        }
    }
}

fn id(leader: &Child) -> Option<Pid> {
    Pid::from_raw(leader.id().try_into().ok()?)
}

fn kill_all(leader: &Child) {
    if let Some(group) = id(leader) {
        // Fails if only zombies are left, on some systems.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
