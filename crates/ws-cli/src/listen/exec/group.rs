//! A child process and its group: all processes that it has started and that have not left it.

use std::io::{self, PipeReader, PipeWriter};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::pipes::Pipe;

/// A child process that leads its group.
#[derive(Debug)]
pub(super) struct Group {
    /// `None` once it has ended.
    leader: Mutex<Option<Child>>,
    /// Dropped when the group is abandoned: all waits on its pipes end.
    leash: Mutex<Option<PipeWriter>>,
    abandoned: Arc<PipeReader>,
}

impl Group {
    /// Starts a command as the leader of a group of its own: it ends with all that it has started, and a Ctrl-C in the
    /// terminal is for the server alone, which then ends its processes in order.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if it cannot be started.
    pub(super) fn start(command: &mut Command) -> io::Result<Arc<Self>> {
        let (abandoned, leash) = io::pipe()?;
        let leader = command.process_group(0).spawn()?;
        let (leader, leash) = (Mutex::new(Some(leader)), Mutex::new(Some(leash)));
        Ok(Arc::new(Self { leader, leash, abandoned: Arc::new(abandoned) }))
    }

    /// Takes the pipes of the standard input and output, once.
    pub(super) fn take_pipes(&self) -> Option<(Pipe<ChildStdin>, Pipe<ChildStdout>)> {
        let mut leader = self.leader.lock();
        let leader = leader.as_mut()?;
        let (input, output) = leader.stdin.take().zip(leader.stdout.take())?;
        let leash = || Arc::clone(&self.abandoned);
        // Every pipe can be non-blocking.
        let input = Pipe::input(input, leash()).ok()?;
        Some((input, Pipe::output(output, leash())))
    }

    /// Kills all processes of the group, unless the first has ended.
    pub(super) fn kill(&self) {
        if let Some(leader) = &*self.leader.lock() {
            kill_all(leader);
        }
    }

    /// Kills the group, and waits no more for processes that have left it and hold its pipes.
    pub(super) fn abandon(&self) {
        self.kill();
        self.leash.lock().take();
    }

    /// Waits until the first process has ended, and kills the others of its group.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of the operating system, and if another call has waited for it.
    pub(super) fn wait(&self) -> io::Result<ExitStatus> {
        let id = self.leader.lock().as_ref().and_then(id).ok_or(io::ErrorKind::NotFound)?;
        // The process stays a zombie, so its number names no other process until `wait` below.
        loop {
            match waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                ended => break ended.map(drop)?,
            }
        }
        let mut state = self.leader.lock();
        let mut leader = state.take().ok_or(io::ErrorKind::NotFound)?;
        kill_all(&leader);
        leader.wait()
    }
}

/// Ends a process that no thread waits for: its connection did not open.
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(mut leader) = self.leader.get_mut().take() {
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
