//! The listeners of a loop: accepting clients, and ending with their servers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Token};
use ws_common::adapter::logging::{debug, info};
use ws_common::adapter::{Acceptor, Connection, Link};

use super::{EventLoop, listener_token};
use crate::Stream;
use crate::listener::{Attempt, Listener, Source};
use crate::origin::{Accepted, Counts, LoopServer};
use crate::proxied::Proxied;
use crate::slot::{Cause, DynConnection};

/// The maximum number of connections accepted per turn.
const BATCH: usize = 64;

impl EventLoop {
    pub(crate) fn listen(
        &mut self,
        listener: ws_common::ServerSocket,
        acceptor: &Arc<Acceptor>,
    ) -> io::Result<()> {
        info!("accepting at {listener}");
        let token = listener_token(self.listeners.vacant_key());
        let source = Source::register(listener, &self.context.registry, token)?;
        let server = self.server(acceptor);
        self.add_listener(source, server);
        Ok(())
    }

    /// Returns a server as seen by this loop.
    pub(crate) fn server(&self, acceptor: &Arc<Acceptor>) -> Arc<LoopServer> {
        Arc::new(LoopServer {
            acceptor: Arc::clone(acceptor),
            shared: Arc::clone(&self.shared),
            counts: Arc::new(Counts { carried: AtomicUsize::new(0), traffic: acceptor.traffic() }),
            proxied: None,
        })
    }

    /// Adds a source of connections, whose sockets are registered with the next free token of listeners.
    pub(crate) fn add_listener(&mut self, source: Source, server: Arc<LoopServer>) {
        server.acceptor.join();
        self.has_handover |= matches!(source, Source::Handover(_));
        let listener = Listener { source: Some(source), server, retry_at: None, queued: true };
        let index = self.listeners.insert(listener);
        // Clients may be waiting already.
        self.queue.push(listener_token(index));
    }

    /// Returns whether newcomers are waiting for this loop: connections that another thread has accepted.
    pub(crate) fn has_newcomers(&self) -> bool {
        self.has_handover && self.listeners.iter().any(|(_, listener)| listener.has_newcomers())
    }

    /// Takes the connections that another thread has accepted, before any turn of this loop.
    pub(crate) fn take_newcomers(&mut self) {
        if !self.has_newcomers() {
            return;
        }
        let have = self.listeners.iter().filter(|(_, listener)| listener.has_newcomers());
        let indices: Vec<_> = have.map(|(index, _)| index).collect();
        for index in indices {
            self.accept(index, Cause::Other);
        }
    }

    /// Accepts the waiting clients, at most [`BATCH`] of them.
    pub(crate) fn accept(&mut self, index: usize, cause: Cause<'_>) {
        let now = self.context.turn.now;
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
            debug!("accepted {peer:?}");
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
        peer: Option<SocketAddr>,
        server: &Arc<LoopServer>,
    ) -> io::Result<()> {
        let now = self.context.turn.now;
        let accepted = server.acceptor.accept(now, peer);
        let Some((endpoint, conversation)) = accepted else { return Ok(()) };
        let both = Interest::READABLE | Interest::WRITABLE;
        let token = Token(self.shared.slots().vacant_key());
        let header = server.acceptor.proxy_header(peer);
        let connection: Arc<dyn DynConnection> = match header {
            None => {
                let mut stream = Stream::accepted(&server.acceptor, tcp)?;
                self.context.registry.register(&mut stream, token, both)?;
                let driver = Accepted(Arc::clone(server));
                Arc::new(Connection::new(driver, Link::new(endpoint, stream), peer))
            }
            Some(header) => {
                let mut tcp = tcp;
                self.context.registry.register(&mut tcp, token, both)?;
                let server = server.proxied(Proxied::new(tcp, peer, header, endpoint));
                let connection = Connection::dialing(Accepted(Arc::new(server)));
                connection.lock().set_peer(peer);
                Arc::new(connection)
            }
        };
        server.counts.carried.fetch_add(1, Ordering::Relaxed);
        self.begin(connection, conversation);
        Ok(())
    }

    /// Closes the listeners of servers that are ending, aborts their connections at the deadline, and leaves
    /// servers that have no connection left on this loop.
    pub(crate) fn look_for_ends(&mut self) {
        if !std::mem::take(&mut self.check_end) {
            return;
        }
        let mut left = Vec::new();
        for (index, listener) in &mut self.listeners {
            let server = listener.server.acceptor.server();
            if !server.is_ending() {
                continue;
            }
            // Check again until all its connections are closed.
            self.check_end = true;
            if let Some(Source::Handover(handover)) = listener.source.take() {
                handover.close();
            }
            listener.retry_at = None;
            if listener.server.counts.carried.load(Ordering::Relaxed) == 0 {
                left.push(index);
            } else if listener.server.acceptor.end_deadline().is_some_and(|at| at <= Instant::now())
            {
                let connections = self.shared.connections_of(server);
                connections.iter().for_each(|connection| connection.abort());
            }
        }
        for index in left {
            self.listeners.remove(index).leave();
        }
    }
}
