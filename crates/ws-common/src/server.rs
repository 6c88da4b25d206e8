//! A server, as handlers and other threads see it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wsproto::{CloseCode, CloseFrame, ReadyState};

use crate::adapter::{Ending, Registry};
use crate::pubsub::Topics;
use crate::{Broadcast, ConnectionId, Message, ServerOptions, WebSocketConnection};

/// A handle to a server. Clones are the same server, may be used from any thread, and do not end it
/// when they are dropped.
#[derive(Clone)]
pub struct ServerHandle(Arc<Shared>);

struct Shared {
    options: ServerOptions,
    address: Option<SocketAddr>,
    registry: Box<dyn Registry>,
    state: Mutex<State>,
    changed: Condvar,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    topics: Topics,
    /// How many connections are carried, those in the opening handshake included.
    carried: usize,
    /// How many of them have opened, and are still in the hands of their handlers.
    handled: usize,
    ending: Option<Ending>,
    terminated: bool,
}

impl ServerHandle {
    /// Makes the handle of a server; for adapters. `wake` makes the server look at
    /// [`is_ending`](Self::is_ending).
    #[must_use]
    pub fn new(
        options: ServerOptions,
        address: Option<SocketAddr>,
        registry: impl Registry + 'static,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            options,
            address,
            registry: Box::new(registry),
            state: Mutex::default(),
            changed: Condvar::new(),
            wake: Box::new(wake),
        }))
    }

    /// Whether both are handles of one server.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns what the server accepts.
    #[must_use]
    pub fn options(&self) -> &ServerOptions {
        &self.0.options
    }

    /// Returns the address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.address
    }

    /// Returns the connections that are open or closing now.
    #[must_use]
    pub fn connections(&self) -> Vec<WebSocketConnection> {
        self.0.registry.connections(self)
    }

    /// Returns the connection of that id, unless it is closed.
    #[must_use]
    pub fn connection(&self, id: ConnectionId) -> Option<WebSocketConnection> {
        self.0.registry.connection(self, id)
    }

    /// Sends a message to every connection, encoded once. Never waits: a peer that does not read is left
    /// out, and named in [`Broadcast::refused`].
    pub fn broadcast(&self, message: impl Into<Message>) -> Broadcast {
        Broadcast::new(&message.into(), self.connections())
    }

    /// Sends a message to every connection that has [subscribed](WebSocketConnection::subscribe) to a
    /// topic, as [`broadcast`](Self::broadcast) does.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) -> Broadcast {
        Broadcast::new(&message.into(), self.subscribers(topic))
    }

    /// Returns the connections that have subscribed to a topic.
    #[must_use]
    pub fn subscribers(&self, topic: &str) -> Vec<WebSocketConnection> {
        self.lock().topics.subscribers(topic)
    }

    pub(crate) fn subscribe(&self, connection: &WebSocketConnection, topic: &str) -> bool {
        let mut state = self.lock();
        // It is closed before it is removed.
        let present = connection.ready_state() != ReadyState::Closed;
        if present {
            state.topics.subscribe(connection, topic);
        }
        present
    }

    pub(crate) fn unsubscribe(&self, connection: &WebSocketConnection, topic: &str) -> bool {
        self.lock().topics.unsubscribe(connection, topic)
    }

    /// Ends the server: nothing more is accepted, and every connection is closed with 1001. After
    /// `timeout`, those that are not closed yet are ended at once; with zero, all are, without a
    /// Close. `None` waits as long as
    /// [`Config::handshake_timeout`](wsproto::Config::handshake_timeout) and
    /// [`Config::close_timeout`](wsproto::Config::close_timeout) let a connection take together; without
    /// these, as long as it takes.
    ///
    /// Does not wait. Called again, it can only hasten the end.
    pub fn terminate(&self, timeout: Option<Duration>) {
        {
            let mut state = self.lock();
            let config = &self.0.options.config;
            let usual = || Some(config.handshake_timeout?.saturating_add(config.close_timeout?));
            let timeout = timeout.or_else(usual);
            let at = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            state.ending = Some(Ending::hasten(state.ending, at));
        }
        for connection in self.connections() {
            self.end(&connection);
        }
        (self.0.wake)();
        self.0.changed.notify_all();
    }

    /// Whether the server has ended.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.lock().terminated
    }

    /// Whether [`terminate`](Self::terminate) was called.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.lock().ending.is_some()
    }

    /// Returns when what is left is to be ended at once; `None` if the server is not ending, or
    /// waits as long as it takes. For adapters.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.lock().ending {
            Some(Ending::At(at)) => Some(at),
            Some(Ending::Patient) | None => None,
        }
    }

    /// Returns the count of the places that are taken.
    pub(crate) fn roster(&self) -> Roster<'_> {
        Roster(self)
    }

    /// Adds a connection that has opened; `false` if the server has ended.
    pub(crate) fn open(&self, connection: &WebSocketConnection) -> bool {
        let mut state = self.lock();
        if state.terminated {
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
        self.lock().topics.remove(connection);
        self.0.registry.remove(connection);
    }

    /// Waits until nothing is carried any more; when the time has come, ends what is left and waits
    /// for its handlers only. The server has ended then. Called once nothing more is accepted.
    pub(crate) fn wait_terminated(&self) {
        let mut state = self.lock();
        while state.carried > 0 {
            let Some(Ending::At(at)) = state.ending else {
                state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let patience = at.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                drop(state);
                for connection in self.connections() {
                    connection.abort();
                }
                state = self.lock();
                while state.handled > 0 {
                    state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                break;
            }
            let waited = self.0.changed.wait_timeout(state, patience);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.terminated = true;
    }

    fn end(&self, connection: &WebSocketConnection) {
        let now = matches!(self.lock().ending, Some(Ending::At(at)) if at <= Instant::now());
        match CloseFrame::new(CloseCode::GOING_AWAY, "") {
            // A connection that is gone needs no Close.
            Ok(frame) if !now => drop(connection.close_with(frame)),
            _ => connection.abort(),
        }
    }

    /// The state is whole between any two calls.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The places among the connections that a server allows.
pub(crate) struct Roster<'a>(&'a ServerHandle);

impl Roster<'_> {
    /// Takes a place, if fewer than `most` are taken.
    pub(crate) fn admit(&self, most: usize) -> bool {
        let mut state = self.0.lock();
        let admitted = state.carried < most;
        state.carried += usize::from(admitted);
        admitted
    }

    /// Frees a place.
    pub(crate) fn release(&self) {
        self.0.lock().carried -= 1;
        self.0.0.changed.notify_all();
    }

    /// Notes that the handler of a connection that was open was called for the last time.
    pub(crate) fn finish(&self) {
        self.0.lock().handled -= 1;
        self.0.0.changed.notify_all();
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle")
            .field("local_addr", &self.0.address)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
