//! The listeners of a loop: they accept, pause after failures, and leave when their server ends.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::Interest;
use mio::net::{TcpListener, TcpStream};
use mio::{Registry, Token};
use ws_common::adapter::Acceptor;

use crate::handover::Handover;
use crate::origin::LoopServer;

/// A listener and its server.
pub(crate) struct Listener {
    /// `None` once the server is ending.
    pub(crate) source: Option<Source>,
    pub(crate) server: Arc<LoopServer>,
    /// When to accept again after a failure.
    pub(crate) retry_at: Option<Duration>,
    /// Whether the listener is in the loop's queue.
    pub(crate) queued: bool,
}

/// A source of new connections.
pub(crate) enum Source {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(mio::net::UnixListener),
    /// A thread accepts them, for several loops.
    Handover(Arc<Handover>),
}

/// The outcome of one attempt to accept.
pub(crate) enum Attempt {
    Accepted(TcpStream, Option<SocketAddr>),
    /// The client has gone; there may be others.
    Gone,
    /// No client is waiting, or accepting has failed.
    Nothing,
}

impl Source {
    /// Makes a listener non-blocking, and registers it.
    pub(crate) fn register(
        listener: ws_common::ServerSocket,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(match listener {
            ws_common::ServerSocket::Tcp(listener) => {
                let mut socket = TcpListener::from_std(listener);
                registry.register(&mut socket, token, Interest::READABLE)?;
                Self::Tcp(socket)
            }
            #[cfg(unix)]
            ws_common::ServerSocket::Unix(listener) => {
                let mut socket = mio::net::UnixListener::from_std(listener);
                registry.register(&mut socket, token, Interest::READABLE)?;
                Self::Unix(socket)
            }
            _ => return Err(ErrorKind::Unsupported.into()),
        })
    }

    fn accept(&self) -> io::Result<(TcpStream, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => listener.accept().map(|(tcp, peer)| (tcp, Some(peer))),
            #[cfg(unix)]
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                Ok((crate::stream::from_unix(stream), None))
            }
            Self::Handover(handover) => handover.take().ok_or_else(|| ErrorKind::WouldBlock.into()),
        }
    }
}

impl Listener {
    /// Marks the listener as queued. Returns whether to push its token, because it was not queued before.
    pub(crate) fn queue(&mut self) -> bool {
        !std::mem::replace(&mut self.queued, true)
    }

    /// Returns the earliest of three times: the end of a pause, the server's first timer, and the time at which
    /// a server that is ending aborts its connections.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let acceptor = &self.server.acceptor;
        let due = match self.source {
            Some(_) => acceptor.next_timer(),
            None => acceptor.deadline(),
        };
        let due = due.map(|at| self.server.shared.time_of(at));
        self.retry_at.into_iter().chain(due).min()
    }

    /// Returns whether a pause is over.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.retry_at.is_some_and(|at| at <= now)
    }

    /// Returns whether newcomers are waiting: connections that another thread has accepted.
    pub(crate) fn has_newcomers(&self) -> bool {
        match &self.source {
            Some(Source::Handover(handover)) => self.retry_at.is_none() && handover.has_newcomers(),
            _ => false,
        }
    }

    pub(crate) fn accept(&mut self, now: Duration) -> Attempt {
        if self.retry_at.is_some_and(|at| now < at) {
            return Attempt::Nothing;
        }
        self.retry_at = None;
        let Some(source) = &self.source else { return Attempt::Nothing };
        match source.accept() {
            Ok((tcp, peer)) => Attempt::Accepted(tcp, peer),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Attempt::Nothing,
            Err(error) if Acceptor::is_about_one_client(&error) => Attempt::Gone,
            Err(error) => {
                self.pause(now, error);
                Attempt::Nothing
            }
        }
    }

    /// Pauses after a failure to accept, and reports it.
    pub(crate) fn pause(&mut self, now: Duration, error: io::Error) {
        self.retry_at = Some(now.saturating_add(Acceptor::PAUSE));
        self.server.acceptor.report_pause(error);
    }

    /// Leaves the server, which ends once all its listeners have left.
    pub(crate) fn leave(self) {
        self.server.acceptor.leave();
    }
}
