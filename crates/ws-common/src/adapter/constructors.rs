//! Constructors of the public types that applications only receive.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

use super::logging::error;

use super::{ConnectionLink, Registry, Verdict};
use crate::timers::Clock;
use crate::{
    ConnectionHandler, ConnectionId, Decision, RunningServer, ServerHandle, ServerOptions,
    WebSocketConnection,
};

/// Creates a server's handle. `most_connections` applies if the options set no
/// [limit](ServerOptions::max_connections). [`ServerHandle::terminate`] and [`ServerHandle::set_timer`] call
/// `wake`, which must make the server check [`ServerHandle::is_ending`] and
/// [`Acceptor::next_timer`](super::Acceptor::next_timer). `now` is the clock of its deadlines and timers, the one by
/// which the adapter waits.
#[must_use]
pub fn server_handle(
    mut options: ServerOptions,
    most_connections: usize,
    address: Option<SocketAddr>,
    registry: impl Registry + 'static,
    wake: impl Fn(&ServerHandle) + Send + Sync + 'static,
    now: impl Fn() -> Instant + Send + Sync + 'static,
) -> ServerHandle {
    options.max_connections.get_or_insert(most_connections);
    ServerHandle::new(options, address, registry, wake, Clock::new(now))
}

/// Returns the time at which the remaining connections of a server must be aborted; `None` if the server is
/// not ending, or waits without a limit.
#[must_use]
pub fn end_deadline(server: &ServerHandle) -> Option<Instant> {
    server.deadline()
}

/// Returns ready once [`Acceptor::leave`](super::Acceptor::leave) of a server's last loop no longer waits: all
/// its connections are closed, or the [deadline](end_deadline) has passed and the handlers of all opened ones have
/// returned from their last calls. Otherwise registers the task of `context`; poll again at the deadline, after
/// aborting the connections.
pub fn poll_ends(server: &ServerHandle, context: &Context<'_>) -> Poll<()> {
    server.poll_ends(context)
}

/// Starts a thread that runs a server until it ends, and logs its failure.
///
/// # Errors
///
/// [`io::Error`] if the operating system cannot create the thread.
pub fn spawn_server(
    server: ServerHandle,
    run: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<RunningServer> {
    let thread = thread::Builder::new().spawn(move || {
        if let Err(error) = run() {
            error!("the server has failed: {error}");
        }
    })?;
    Ok(RunningServer::new(server, thread))
}

/// Creates a connection's handle.
#[must_use]
pub fn connection_handle(link: Arc<dyn ConnectionLink>) -> WebSocketConnection {
    WebSocketConnection::new(link)
}

/// Returns a new id, greater than all earlier ones.
#[must_use]
pub fn new_connection_id() -> ConnectionId {
    ConnectionId::new()
}

/// Boxes the handler of a decision, so that the verdict does not depend on its type.
#[must_use]
pub fn verdict<H: ConnectionHandler>(decision: Decision<H>) -> Verdict {
    decision.verdict()
}
