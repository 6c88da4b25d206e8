//! Several connection attempts at a time, in one thread.

use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::Socket;
use ws_common::Cancel;
use ws_common::adapter::{Dial, OnCancel, Route, is_connected};

use super::{Connect, Instants};

/// The longest wait of one call; some systems reject longer ones.
const LONGEST: Duration = Duration::from_secs(3600);

/// The sockets that are connecting or have connected.
#[derive(Default)]
pub(super) struct Attempts {
    /// With the numbers of their attempts.
    sockets: Vec<(usize, Socket)>,
    /// Readable once the dial is cancelled. `None` without a token, or if there were no descriptors left.
    wake: Option<(UnixStream, OnCancel)>,
}

impl Attempts {
    pub(super) fn new(cancel: Option<&Cancel>) -> Self {
        let wake = cancel.and_then(|cancel| {
            let (from, to) = UnixStream::pair().ok()?;
            // The end of the other side is readable, and needs no write, which could raise a signal.
            Some((from, cancel.on_cancel(move || drop(to))))
        });
        Self { sockets: Vec::new(), wake }
    }
}

impl Connect for Attempts {
    fn begin(&mut self, attempt: usize, route: &Route, dial: &mut Dial, time: Instants) {
        match route.connect() {
            Ok(socket) => self.sockets.push((attempt, socket)),
            Err(error) => {
                dial.failed(attempt, error, time.now());
            }
        }
    }

    fn wait(&mut self, dial: &mut Dial, time: Instants) {
        let timeout = time.left(dial).unwrap_or(LONGEST).min(LONGEST);
        let timeout = Timespec::try_from(timeout).ok();
        let mut ready: Vec<_> =
            self.sockets.iter().map(|(_, socket)| PollFd::new(socket, PollFlags::OUT)).collect();
        if let Some((from, _)) = &self.wake {
            ready.push(PollFd::new(from, PollFlags::IN));
        }
        let polled = match poll(&mut ready, timeout.as_ref()) {
            // Interrupted by a signal: the dial asks to wait again.
            Err(Errno::INTR) => return,
            Err(error) => Err(error),
            Ok(_) => Ok(ready.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>()),
        };
        let mut index = 0;
        self.sockets.retain(|(attempt, socket)| {
            let outcome = match &polled {
                Err(error) => Err((*error).into()),
                Ok(ready) if ready.get(index) == Some(&true) => is_connected(socket),
                Ok(_) => Ok(false),
            };
            index += 1;
            match outcome {
                Ok(true) => dial.connected(*attempt),
                Ok(false) => {}
                Err(error) => {
                    dial.failed(*attempt, error, time.now());
                    return false;
                }
            }
            true
        });
    }

    fn take(&mut self, attempt: usize) -> io::Result<TcpStream> {
        let mut all = std::mem::take(&mut self.sockets).into_iter();
        let (_, socket) = all.find(|(number, _)| *number == attempt).ok_or(Errno::NOTCONN)?;
        socket.set_nonblocking(false)?;
        Ok(socket.into())
    }
}
