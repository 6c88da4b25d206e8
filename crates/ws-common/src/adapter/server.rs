//! A server as a whole: its handle, its thread, its end.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

use super::logging::error;
use super::{Acceptor, Registry};
use crate::timers::{Clock, Due};
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
    /// Returns when the server's first timer expires, or that of its bus: call [`call_timers`](Self::call_timers)
    /// then. If it becomes earlier, the server's [`wake`](server_handle) is called.
    #[must_use]
    #[inline]
    pub fn next_timer(&self) -> Option<Instant> {
        self.server().timers().next()
    }

    /// Returns when the adapter must [call timers](Self::call_timers), or abort the remaining connections of a
    /// server that is ending.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.server().deadline().into_iter().chain(self.next_timer()).min()
    }

    /// Calls the handler for the server's timers that have expired, and for changes of the bus; timers that
    /// these calls set are due the next time.
    pub fn call_timers(&self) {
        if self.next_timer().is_none() {
            return;
        }
        let (server, mut due) = (self.server(), Due::default());
        let now = server.now();
        while let Some(timer) = server.timers().take_expired(now, &mut due) {
            match server.bus_turn(timer) {
                true => self.tell_bus_states(),
                false => self.call(|handler, server| handler.on_timer(server, timer)),
            }
        }
    }

    /// Calls the handler for the changes of the bus. Each is taken while the handler is locked, so that several
    /// threads tell them in order.
    fn tell_bus_states(&self) {
        let mut told = true;
        while told {
            told = false;
            self.call(|handler, server| {
                if let Some(state) = server.next_bus_state() {
                    told = true;
                    handler.on_bus(server, state);
                }
            });
        }
    }

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
