//! The pipes of a process: waiting on them ends when the process is abandoned.

use std::io::{self, ErrorKind, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::process::{ChildStdin, ChildStdout};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionbio};

/// One end of a pipe of a process.
pub(super) struct Pipe<P> {
    pipe: P,
    /// Ends when the process is abandoned: another process may hold the other end of `pipe`.
    leash: Arc<PipeReader>,
}

impl<P: AsFd> Pipe<P> {
    /// Waits until the pipe is ready; returns `false` once the process is abandoned.
    fn wait(&self, ready: PollFlags) -> io::Result<bool> {
        loop {
            let pipe = PollFd::new(&self.pipe, ready);
            let mut both = [pipe, PollFd::new(&self.leash, PollFlags::IN)];
            match poll(&mut both, None) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(both.last().is_some_and(|leash| leash.revents().is_empty())),
            }
        }
    }
}

impl Pipe<ChildStdin> {
    pub(super) fn input(pipe: ChildStdin, leash: Arc<PipeReader>) -> io::Result<Self> {
        // Only this end: the process reads as it likes.
        ioctl_fionbio(&pipe, true)?;
        Ok(Self { pipe, leash })
    }
}

impl Pipe<ChildStdout> {
    pub(super) const fn output(pipe: ChildStdout, leash: Arc<PipeReader>) -> Self {
        Self { pipe, leash }
    }
}

/// The output ends when the process is abandoned.
impl Read for Pipe<ChildStdout> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self.wait(PollFlags::IN)? {
            true => self.pipe.read(to),
            false => Ok(0),
        }
    }
}

/// The input is broken when the process is abandoned.
impl Write for Pipe<ChildStdin> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipe.write(from) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !self.wait(PollFlags::OUT)? {
                        return Err(ErrorKind::BrokenPipe.into());
                    }
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
