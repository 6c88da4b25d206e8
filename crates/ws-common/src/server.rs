//! Handles to a server, for handlers and other threads.

mod ending;
mod member;
mod publishing;
mod roster;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use wsproto::CloseFrame;

use crate::adapter::{Ending, Registry};
use crate::admission::Addresses;
use crate::pubsub::Topics;
use crate::stats::Counters;
use crate::timers::{Clock, SharedTimers};
use crate::{ConnectionId, ServerOptions, ServerStats, TimerId, WebSocketConnection};

pub(crate) use ending::AwaitedDecision;
use member::Member;
use roster::Roster;

/// A handle to a server, usable from any thread. Clones refer to the same server; dropping them does not
/// end it.
#[derive(Clone)]
pub struct ServerHandle(Arc<Shared>);

struct Shared {
    options: ServerOptions,
    address: Option<SocketAddr>,
    registry: Box<dyn Registry>,
    state: Mutex<State>,
    /// Locked before a connection (`subscribe`), never while one is locked.
    topics: Mutex<Topics>,
    /// The server's part of its bus.
    bus: Option<Member>,
    changed: Condvar,
    /// The origin of the times in `State::addresses`.
    start: Instant,
    counters: Counters,
    timers: SharedTimers,
    wake: Box<dyn Fn(&ServerHandle) + Send + Sync>,
    clock: Clock,
}

/// Never locked while a connection is locked.
#[derive(Default)]
struct State {
    /// The number of permits in use: all connections, including those in the opening handshake.
    carried: usize,
    /// The addresses of counted permits; empty without a limit for each address.
    addresses: Addresses,
    /// The number of opened connections whose handlers have not returned from their last call.
    handled: usize,
    ending: Option<Ending>,
    /// The Close frame of a server that is ending; `None` for code 1001.
    last_frame: Option<CloseFrame<'static>>,
    terminated: bool,
    /// The tasks that wait for the end of the server's connections.
    waiting: Vec<Waker>,
    /// Notifies the connections whose requests wait for a postponed decision.
    undecided: BTreeMap<ConnectionId, Arc<dyn Fn() + Send + Sync>>,
}

impl State {
    /// Returns whether the deadline of the server's end has passed.
    fn is_late(&self, now: Instant) -> bool {
        matches!(self.ending, Some(Ending::At(at)) if at <= now)
    }
}

impl ServerHandle {
    /// Creates a server's handle. [`terminate`](Self::terminate) and [`set_timer`](Self::set_timer) call `wake`,
    /// which must make the server check [`is_ending`](Self::is_ending) and the first timer.
    pub(crate) fn new(
        options: ServerOptions,
        address: Option<SocketAddr>,
        registry: impl Registry + 'static,
        wake: impl Fn(&Self) + Send + Sync + 'static,
        clock: Clock,
    ) -> Self {
        let bus = options.bus.is_some().then(|| Member::new(options.bus_linger));
        Self(Arc::new(Shared {
            options,
            address,
            registry: Box::new(registry),
            state: Mutex::default(),
            topics: Mutex::default(),
            bus,
            changed: Condvar::new(),
            start: clock.now(),
            timers: SharedTimers::new(clock.clone()),
            clock,
            counters: Counters::default(),
            wake: Box::new(wake),
        }))
    }

    /// Returns the server's options.
    #[must_use]
    pub fn options(&self) -> &ServerOptions {
        &self.0.options
    }

    /// Returns the address the server listens on; `None` for a transport without addresses.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.address
    }

    /// Returns the connections that have opened and are not closed, the oldest first.
    #[must_use]
    pub fn connections(&self) -> Vec<WebSocketConnection> {
        self.0.registry.connections(self)
    }

    /// Returns the connection with this id, if it has opened and is not closed.
    #[must_use]
    pub fn connection(&self, id: ConnectionId) -> Option<WebSocketConnection> {
        self.0.registry.connection(self, id)
    }

    /// Returns the server's counts of connections, refusals, messages and bytes. Counting costs the
    /// connections next to nothing, and is always on.
    ///
    /// ```
    /// # fn metrics(server: &ws_common::ServerHandle) {
    /// let stats = server.stats();
    /// println!("websocket_open {}", stats.open);
    /// println!("websocket_messages_in_total {}", stats.messages_in);
    /// println!("websocket_refused_total{{reason=\"full\"}} {}", stats.refused.full);
    /// # }
    /// ```
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        let state = self.lock();
        let (connections, open) = (state.carried, state.handled);
        drop(state);
        ServerStats { connections, open, ..self.counters().snapshot() }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Returns access to the connection counts.
    pub(crate) fn roster(&self) -> Roster<'_> {
        Roster(self)
    }

    /// Adds a connection that has opened. Returns `false`, and adds nothing, if the server has ended, or the deadline of
    /// its end has passed: [`poll_ends`](Self::poll_ends) may have told then that no handler is left.
    pub(crate) fn open(&self, connection: &WebSocketConnection) -> bool {
        let mut state = self.lock();
        if state.terminated || state.is_late(self.now()) {
            return false;
        }
        self.0.registry.add(connection);
        state.handled += 1;
        let ending = state.ending.is_some();
        drop(state);
        if ending {
            self.end(connection);
        }
        true
    }

    /// Removes a connection that is closed.
    pub(crate) fn close(&self, connection: &WebSocketConnection) {
        self.forget_topics(connection);
        self.0.registry.remove(connection);
    }

    /// Sets a timer. Once `after` has passed, the handler's
    /// [`on_timer`](crate::ServerHandler::on_timer) is called once, unless the server has ended. A server without a
    /// handler, such as a `Listener` or an `UpgradeServer` of `ws-tokio`, has no timers: this does nothing then. To be
    /// called again, set the next timer there:
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_common::{Decision, IncomingRequest, ServerHandle, ServerHandler, TimerId};
    ///
    /// const SECOND: Duration = Duration::from_secs(1);
    ///
    /// struct App;
    ///
    /// impl ServerHandler for App {
    ///     type Handler = (); // ignores all messages
    ///
    ///     fn on_open(&mut self, server: &ServerHandle) {
    ///         server.set_timer(SECOND);
    ///     }
    ///
    ///     fn on_timer(&mut self, server: &ServerHandle, _: TimerId) {
    ///         println!("{:?}", server.stats());
    ///         server.set_timer(SECOND);
    ///     }
    ///
    ///     fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<()> {
    ///         Decision::accept(())
    ///     }
    /// }
    /// # ws_common::testing::TestServer::new(App).advance(SECOND);
    /// ```
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn set_timer(&self, after: Duration) -> TimerId {
        let (timer, is_first) = self.0.timers.set(after);
        if is_first {
            self.wake();
        }
        timer
    }

    /// Cancels a timer of the server. Returns `true` if it had not expired: then
    /// the handler is not called for it.
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn cancel_timer(&self, timer: TimerId) -> bool {
        self.0.timers.cancel(timer)
    }

    pub(crate) fn timers(&self) -> &SharedTimers {
        &self.0.timers
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

/// Handles are equal if they refer to the same server.
impl PartialEq for ServerHandle {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ServerHandle {}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle")
            .field("local_addr", &self.0.address)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
