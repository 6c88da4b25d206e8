//! A server as a whole: its handle, its thread, its end.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

use super::logging::error;
use super::{Acceptor, Registry};
use crate::timers::Clock;
use crate::{RunningServer, ServerHandle, ServerOptions};

/// Creates a server's handle. `most_connections` applies if the options set no
/// [limit](ServerOptions::max_connections). [`ServerHandle::terminate`] and [`ServerHandle::set_timer`] call
/// `wake`, which must make the server check [`ServerHandle::is_ending`] and
/// [`Acceptor::next_timer`]. `now` is the clock of its deadlines and timers, the one by
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

impl Acceptor {
    /// Returns the time at which the remaining connections must be aborted; `None` if the server is not ending, or
    /// waits without a limit.
    #[must_use]
    pub fn end_deadline(&self) -> Option<Instant> {
        self.server().deadline()
    }

    /// Returns ready once [`leave`](Self::leave) of the server's last loop no longer waits: all its connections are
    /// closed, or the [deadline](Self::end_deadline) has passed and the handlers of all opened ones have returned from
    /// their last calls. Otherwise registers the task of `context`; poll again at the deadline, after aborting the
    /// connections.
    pub fn poll_ends(&self, context: &Context<'_>) -> Poll<()> {
        self.server().poll_ends(context)
    }
}
