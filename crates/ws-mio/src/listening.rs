//! A listener of a loop: accepts, and survives when it cannot.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use log::{debug, warn};
use mio::net::{TcpListener, TcpStream};
use wsproto::handshake::Response;

use crate::Stream;
use crate::door::Entrance;

/// How many connections one turn accepts at most.
const BATCH: usize = 64;

/// How long to wait when nothing can be accepted, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener, and whose it is.
pub(crate) struct Listening {
    /// `None` once the server is ending.
    pub(crate) listener: Option<TcpListener>,
    pub(crate) entrance: Arc<Entrance>,
    /// When to try again after a failure.
    pub(crate) retry_at: Option<Duration>,
}

/// What accepting has led to.
pub(crate) enum Accepted {
    Stream(Stream),
    /// Refused, or gone already.
    Nobody,
    /// There is nobody else now.
    Last,
}

impl Listening {
    /// Accepts those who wait, but not all of very many. Returns them, and whether there may be more.
    pub(crate) fn accept(&mut self, now: Duration) -> (Vec<Stream>, bool) {
        self.retry_at = None;
        let mut streams = Vec::new();
        for _ in 0..BATCH {
            match self.accept_one() {
                Ok(Accepted::Stream(stream)) => streams.push(stream),
                Ok(Accepted::Nobody) => {}
                Ok(Accepted::Last) => return (streams, false),
                Err(error) => {
                    warn!("cannot accept: {error}");
                    self.entrance.door.failed(&error.into());
                    self.retry_at = Some(now + PAUSE);
                    return (streams, false);
                }
            }
        }
        (streams, true)
    }

    fn accept_one(&self) -> io::Result<Accepted> {
        let Some(listener) = &self.listener else { return Ok(Accepted::Last) };
        let (mut tcp, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Accepted::Last),
            Err(error) if is_over(&error) => return Ok(Accepted::Nobody),
            Err(error) => return Err(error),
        };
        // Messages are written whole; waiting for more only delays them. Who has gone is found out when
        // reading.
        let _ = tcp.set_nodelay(true);
        if !self.entrance.door.server.admit() {
            debug!("too many connections for {peer}");
            self.refuse(&mut tcp);
            return Ok(Accepted::Nobody);
        }
        debug!("accepted {peer}");
        self.entrance
            .door
            .stream(tcp)
            .map(Accepted::Stream)
            .inspect_err(|_| self.entrance.door.server.release())
    }

    fn refuse(&self, tcp: &mut TcpStream) {
        if self.entrance.door.speaks_tls() {
            // It would not understand; and a handshake is what there is no room for.
            return;
        }
        let mut out = Vec::new();
        Response::text(503, "Too many connections\n").encode(&mut out);
        // If it does not fit, it does not matter.
        let _ = tcp.write(&out);
    }
}

/// Whether an error concerns only the one who was to be accepted.
fn is_over(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}
