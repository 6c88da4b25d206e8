//! The listeners of a loop: they accept, pause after failures, and leave when their server ends.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use log::{debug, info};
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Token};
use ws_common::adapter::{Acceptor, Admission, Connection, Conversation, Link};

use crate::event_loop::{EventLoop, listener_token};
use crate::origin::{Accepted, LoopServer};
use crate::slot::{Cause, DynConnection};

/// The maximum number of connections accepted per turn.
const BATCH: usize = 64;

/// A listener and its server.
pub(crate) struct Listener {
    /// `None` once the server is ending.
    socket: Option<TcpListener>,
    server: Arc<LoopServer>,
    /// When to accept again after a failure.
    retry_at: Option<Duration>,
    /// Whether the listener is in [`EventLoop::queue`].
    queued: bool,
}

/// The outcome of one attempt to accept.
enum Attempt {
    Accepted(TcpStream, std::net::SocketAddr),
    /// The client has gone; there may be others.
    Gone,
    /// No client is waiting, or accepting has failed.
    Nothing,
}

impl Listener {
    /// Marks the listener as queued. Returns whether to push its token, because it was not queued before.
    pub(crate) fn queue(&mut self) -> bool {
        !std::mem::replace(&mut self.queued, true)
    }

    /// Returns when the pause ends, or when a server that is ending must end its connections.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        if self.socket.is_some() {
            return self.retry_at;
        }
        let end = self.server.acceptor.server().deadline()?;
        Some(self.server.shared.time_of(end))
    }

    /// Returns whether a pause is over.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.retry_at.is_some_and(|at| at <= now)
    }

    fn accept(&mut self, now: Duration) -> Attempt {
        if self.retry_at.is_some_and(|at| now < at) {
            return Attempt::Nothing;
        }
        self.retry_at = None;
        let Some(socket) = &self.socket else { return Attempt::Nothing };
        match socket.accept() {
            Ok((tcp, peer)) => Attempt::Accepted(tcp, peer),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Attempt::Nothing,
            Err(error) if Acceptor::is_gone(&error) => Attempt::Gone,
            Err(error) => {
                self.pause(now, error);
                Attempt::Nothing
            }
        }
    }

    /// Pauses after a failure to accept, and reports it.
    fn pause(&mut self, now: Duration, error: io::Error) {
        self.retry_at = Some(now.saturating_add(Acceptor::PAUSE));
        self.server.acceptor.report_pause(error);
    }

    /// Leaves the server, which ends once all its listeners have left.
    pub(crate) fn leave(self) {
        self.server.acceptor.leave();
    }
}

impl EventLoop {
    pub(crate) fn listen(
        &mut self,
        listener: std::net::TcpListener,
        acceptor: &Arc<Acceptor>,
    ) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let mut socket = TcpListener::from_std(listener);
        let token = listener_token(self.listeners.vacant_key());
        self.context.registry.register(&mut socket, token, Interest::READABLE)?;
        info!("accepting at {:?}", socket.local_addr());
        acceptor.join();
        let server = LoopServer {
            acceptor: Arc::clone(acceptor),
            shared: Arc::clone(&self.shared),
            carried: AtomicUsize::new(0),
        };
        let (socket, server) = (Some(socket), Arc::new(server));
        // Clients may be waiting already.
        self.queue.push(token);
        self.listeners.insert(Listener { socket, server, retry_at: None, queued: true });
        Ok(())
    }

    /// Accepts the waiting clients, at most [`BATCH`] of them.
    pub(crate) fn accept(&mut self, index: usize, cause: Cause<'_>) {
        let now = self.context.now;
        if let (Some(listener), Cause::Queued) = (self.listeners.get_mut(index), cause) {
            listener.queued = false;
        }
        for _ in 0..BATCH {
            let Some(listener) = self.listeners.get_mut(index) else { return };
            let (tcp, peer) = match listener.accept(now) {
                Attempt::Accepted(tcp, peer) => (tcp, peer),
                Attempt::Gone => continue,
                Attempt::Nothing => return,
            };
            debug!("accepted {peer}");
            let server = Arc::clone(&listener.server);
            if let Err(error) = self.register(tcp, peer, &server) {
                if let Some(listener) = self.listeners.get_mut(index) {
                    listener.pause(now, error);
                }
                return;
            }
        }
        if self.listeners.get_mut(index).is_some_and(Listener::queue) {
            self.queue.push(listener_token(index));
        }
    }

    /// Begins the connection of a client that was just accepted, or refuses it.
    fn register(
        &mut self,
        tcp: TcpStream,
        peer: std::net::SocketAddr,
        server: &Arc<LoopServer>,
    ) -> io::Result<()> {
        let now = self.context.now;
        let (endpoint, conversation, mut stream) = match server.acceptor.admit(now) {
            Admission::Admitted(permit) => {
                let endpoint = server.acceptor.endpoint(now);
                (endpoint, Conversation::server(permit), server.stream(tcp)?)
            }
            Admission::Refused(endpoint) => (*endpoint, Conversation::refused(), tcp.into()),
            Admission::Dropped => return Ok(()),
        };
        let both = Interest::READABLE | Interest::WRITABLE;
        let token = Token(self.shared.slots().vacant_key());
        self.context.registry.register(&mut stream, token, both)?;
        let driver = Accepted(Arc::clone(server));
        let connection = Connection::new(driver, Link::new(endpoint, stream), Some(peer));
        let connection: Arc<dyn DynConnection> = Arc::new(connection);
        server.carried.fetch_add(1, Ordering::Relaxed);
        self.begin(connection, conversation);
        Ok(())
    }

    /// Closes the listeners of servers that are ending, aborts their connections at the deadline, and leaves
    /// servers that have no connection left on this loop.
    pub(crate) fn look_for_ends(&mut self) {
        if !std::mem::take(&mut self.look) {
            return;
        }
        let mut left = Vec::new();
        for (index, listener) in &mut self.listeners {
            let server = listener.server.acceptor.server();
            if !server.is_ending() {
                continue;
            }
            // Check again until all its connections are closed.
            self.look = true;
            listener.socket = None;
            listener.retry_at = None;
            if listener.server.carried.load(Ordering::Relaxed) == 0 {
                left.push(index);
            } else if server.deadline().is_some_and(|at| at <= Instant::now()) {
                let connections = self.shared.connections_of(server);
                connections.iter().for_each(|connection| connection.abort());
            }
        }
        for index in left {
            self.listeners.remove(index).leave();
        }
    }
}
