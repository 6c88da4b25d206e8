//! A listener of a loop: accepts, and survives when it cannot.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use log::debug;
use mio::net::{TcpListener, TcpStream};
use ws_common::adapter::{Acceptor, Admission};

use crate::origin::LoopServer;

/// How many connections one turn accepts at most.
const BATCH: usize = 64;

/// A listener, and its server.
pub(crate) struct Listener {
    /// `None` once the server is ending.
    pub(crate) socket: Option<TcpListener>,
    pub(crate) server: Arc<LoopServer>,
    /// When to try again after a failure. Nothing is accepted before.
    pub(crate) retry_at: Option<Duration>,
    /// Whether it is in the list of those that have more to do.
    pub(crate) queued: bool,
}

/// A transport that was accepted.
pub(crate) struct Arrival {
    pub(crate) tcp: TcpStream,
    pub(crate) peer: std::net::SocketAddr,
    pub(crate) admission: Admission,
}

impl Listener {
    /// Accepts those that wait, but not all of very many. Returns whether there may be more.
    pub(crate) fn accept(&mut self, now: Duration, arrivals: &mut Vec<Arrival>) -> bool {
        if self.retry_at.is_some_and(|at| now < at) {
            return false;
        }
        self.retry_at = None;
        let Some(socket) = &self.socket else { return false };
        for _ in 0..BATCH {
            match socket.accept() {
                Ok((tcp, peer)) => {
                    debug!("accepted {peer}");
                    let admission = self.server.acceptor.admit(now);
                    arrivals.push(Arrival { tcp, peer, admission });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if Acceptor::is_gone(&error) => {}
                Err(error) => {
                    self.pause(now, error);
                    return false;
                }
            }
        }
        true
    }

    /// Accepts nothing for a while, because it cannot be done.
    pub(crate) fn pause(&mut self, now: Duration, error: io::Error) {
        self.retry_at = Some(now.saturating_add(Acceptor::PAUSE));
        self.server.acceptor.report_pause(error);
    }
}
