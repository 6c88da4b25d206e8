//! Several connection attempts at a time, in one thread.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use log::debug;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use ws_common::adapter::Dial;

use super::{Connect, Instants};

/// The longest wait of one call; some systems reject longer ones.
const LONGEST: Duration = Duration::from_secs(3600);

/// The sockets that are connecting or have connected, with the numbers of their attempts.
#[derive(Default)]
pub(super) struct Attempts(Vec<(usize, Socket)>);

impl Connect for Attempts {
    fn begin(&mut self, attempt: usize, address: SocketAddr, dial: &mut Dial, time: Instants) {
        match connect(address) {
            Ok(socket) => self.0.push((attempt, socket)),
            Err(error) => {
                debug!("{address}: {error}");
                dial.failed(attempt, error, time.now());
            }
        }
    }

    fn wait(&mut self, dial: &mut Dial, time: Instants) {
        let timeout = time.left(dial).unwrap_or(LONGEST).min(LONGEST);
        let timeout = Timespec::try_from(timeout).ok();
        let mut ready: Vec<_> =
            self.0.iter().map(|(_, socket)| PollFd::new(socket, PollFlags::OUT)).collect();
        let polled = match poll(&mut ready, timeout.as_ref()) {
            // Interrupted by a signal: the dial asks to wait again.
            Err(Errno::INTR) => return,
            Err(error) => Err(error),
            Ok(_) => Ok(ready.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>()),
        };
        let mut index = 0;
        self.0.retain(|(attempt, socket)| {
            let outcome = match &polled {
                Err(error) => Err((*error).into()),
                Ok(ready) if ready.get(index) == Some(&true) => outcome(socket),
                Ok(_) => Ok(false),
            };
            index += 1;
            match outcome {
                Ok(true) => dial.connected(*attempt),
                Ok(false) => {}
                Err(error) => {
                    debug!("no connection: {error}");
                    dial.failed(*attempt, error, time.now());
                    return false;
                }
            }
            true
        });
    }

    fn take(&mut self, attempt: usize) -> io::Result<TcpStream> {
        let mut all = std::mem::take(&mut self.0).into_iter();
        let (_, socket) = all.find(|(number, _)| *number == attempt).ok_or(Errno::NOTCONN)?;
        socket.set_nonblocking(false)?;
        Ok(socket.into())
    }
}

/// Starts a non-blocking connect.
fn connect(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()).map_err(|error| (Errno::from_io_error(&error), error)) {
        // After a signal, the connect continues in the background (POSIX `connect`).
        Ok(()) | Err((Some(Errno::INPROGRESS | Errno::INTR), _)) => Ok(socket),
        Err((_, error)) => Err(error),
    }
}

/// Whether a socket that `poll` reported has connected; its error if it failed.
fn outcome(socket: &Socket) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}
