//! Handles to a server, for handlers and other threads.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wsproto::{CloseCode, CloseFrame, ReadyState, SendError};

use crate::adapter::{Ending, Registry};
use crate::admission::{AddressKey, Addresses, Refusal};
use crate::pubsub::Topics;
use crate::stats::Counters;
use crate::timers::SharedTimers;
use crate::{
    Broadcast, ConnectionId, Error, Message, ServerOptions, ServerStats, TimerId,
    WebSocketConnection,
};

/// A handle to a server, usable from any thread. Clones refer to the same server; dropping them does not
/// end it.
#[derive(Clone)]
pub struct ServerHandle(Arc<Shared>);

struct Shared {
    options: ServerOptions,
    address: Option<SocketAddr>,
    registry: Box<dyn Registry>,
    state: Mutex<State>,
    changed: Condvar,
    /// The origin of the times in `State::addresses`.
    start: Instant,
    counters: Counters,
    timers: SharedTimers,
    wake: Box<dyn Fn(&ServerHandle) + Send + Sync>,
}

/// Locked before a connection (`subscribe`), never while one is locked.
#[derive(Default)]
struct State {
    topics: Topics,
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
    /// Notifies the connections whose requests wait for a postponed decision.
    undecided: BTreeMap<ConnectionId, Arc<dyn Fn() + Send + Sync>>,
}

/// The place of a connection among those that wait for a decision. Dropping it gives the place up.
pub(crate) struct AwaitedDecision {
    server: ServerHandle,
    id: ConnectionId,
}

impl AwaitedDecision {
    pub(crate) const fn server(&self) -> &ServerHandle {
        &self.server
    }
}

impl Drop for AwaitedDecision {
    fn drop(&mut self) {
        let notify = self.server.lock().undecided.remove(&self.id);
        // Dropped without the lock.
        drop(notify);
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
    ) -> Self {
        Self(Arc::new(Shared {
            options,
            address,
            registry: Box::new(registry),
            state: Mutex::default(),
            changed: Condvar::new(),
            start: Instant::now(),
            counters: Counters::default(),
            timers: SharedTimers::new(),
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

    /// Encodes a message once and sends it to all [`connections`](Self::connections). Never waits:
    /// connections without room for the message are returned in [`Broadcast::refused`].
    pub fn broadcast(&self, message: impl Into<Message>) -> Broadcast {
        self.counted(Broadcast::new(&message.into(), self.connections()))
    }

    /// Sends a message to all [subscribers](WebSocketConnection::subscribe) of a topic, as
    /// [`broadcast`](Self::broadcast) does.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) -> Broadcast {
        self.counted(Broadcast::new(&message.into(), self.subscribers(topic)))
    }

    fn counted(&self, broadcast: Broadcast) -> Broadcast {
        self.counters().count_refused(broadcast.refused.len());
        broadcast
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

    /// Returns the subscribers of a topic.
    #[must_use]
    pub fn subscribers(&self, topic: &str) -> Vec<WebSocketConnection> {
        self.lock().topics.subscribers(topic)
    }

    pub(crate) fn subscribe(&self, connection: &WebSocketConnection, topic: &str) -> bool {
        let mut state = self.lock();
        // A connection is closed before `close` removes its topics under this lock, so none is left behind.
        let present = connection.ready_state() != ReadyState::Closed;
        if present {
            state.topics.subscribe(connection, topic);
        }
        present
    }

    pub(crate) fn unsubscribe(&self, connection: &WebSocketConnection, topic: &str) -> bool {
        self.lock().topics.unsubscribe(connection, topic)
    }

    /// Ends the server: it stops accepting and closes every connection with code 1001. Connections that are
    /// not closed after `timeout` are aborted; a timeout of zero aborts all at once, without a Close frame.
    /// `None` is the sum of
    /// [`Config::handshake_timeout`](wsproto::Config::handshake_timeout) and
    /// [`Config::close_timeout`](wsproto::Config::close_timeout), or no limit if either of them is `None`.
    ///
    /// A request whose decision is postponed gets status 503. Returns at once.
    /// Later calls can shorten the time left, but not extend it.
    pub fn terminate(&self, timeout: Option<Duration>) {
        self.begin_end(None, timeout);
    }

    /// Ends the server, as [`terminate`](Self::terminate) does, but closes the connections with this code and
    /// reason: for example 1012 (Service Restart) before a restart, or 1013 (Try Again Later). A reason longer
    /// than 123 bytes is cut after the last character that fits.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] for a code that may not be sent, [`Error::Send`] for 1010, which only clients send (RFC
    /// 6455 section 7.4). Nothing ends then.
    pub fn terminate_with(
        &self,
        code: CloseCode,
        reason: &str,
        timeout: Option<Duration>,
    ) -> Result<(), Error> {
        let frame = CloseFrame::truncated(code, reason.to_owned())?;
        if code == CloseCode::MANDATORY_EXTENSION {
            return Err(SendError::ClientOnlyCode.into());
        }
        self.begin_end(Some(frame), timeout);
        Ok(())
    }

    fn begin_end(&self, frame: Option<CloseFrame<'static>>, timeout: Option<Duration>) {
        {
            let mut state = self.lock();
            if state.ending.is_none() {
                state.last_frame = frame;
            }
            let config = &self.0.options.config;
            let usual = || Some(config.handshake_timeout?.saturating_add(config.close_timeout?));
            let timeout = timeout.or_else(usual);
            let at = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            state.ending = Some(Ending::earlier(state.ending, at));
        }
        let undecided: Vec<_> = self.lock().undecided.values().cloned().collect();
        undecided.iter().for_each(|notify| notify());
        for connection in self.connections() {
            self.end(&connection);
        }
        (self.0.wake)(self);
        self.0.changed.notify_all();
    }

    /// Has [`terminate`](Self::terminate) call `notify`, which makes an adapter refuse a request that waits for
    /// a decision; calls it at once if the server is ending already.
    pub(crate) fn await_decision(
        &self,
        id: ConnectionId,
        notify: impl Fn() + Send + Sync + 'static,
    ) -> AwaitedDecision {
        let notify: Arc<dyn Fn() + Send + Sync> = Arc::new(notify);
        let mut state = self.lock();
        state.undecided.insert(id, Arc::clone(&notify));
        // `terminate` sets `ending` under this lock before it lists the pending decisions: it finds this
        // one, or `ending` is set here. A second notice does no harm.
        let is_ending = state.ending.is_some();
        drop(state);
        if is_ending {
            notify();
        }
        AwaitedDecision { server: self.clone(), id }
    }

    /// Returns whether the server has ended.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.lock().terminated
    }

    /// Returns whether [`terminate`](Self::terminate) was called.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.lock().ending.is_some()
    }

    /// Returns the time at which the remaining connections must be aborted; `None` if the server is not
    /// ending, or waits without a limit.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.lock().ending {
            Some(Ending::At(at)) => Some(at),
            Some(Ending::Patient) | None => None,
        }
    }

    /// Returns access to the connection counts.
    pub(crate) fn roster(&self) -> Roster<'_> {
        Roster(self)
    }

    /// Adds a connection that has opened. Returns `false`, and adds nothing, if the server has ended.
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

    /// Waits until all permits are freed, then marks the server as ended. At the deadline, aborts the
    /// remaining connections and waits for their handlers only. Call it once nothing more is accepted.
    pub(crate) fn wait_terminated(&self) {
        let mut state = self.lock();
        // `release`, `finish` and `terminate` change the state under its lock before they notify, and the
        // condition is checked under that lock: no wake-up is lost.
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
        let state = self.lock();
        let now = matches!(state.ending, Some(Ending::At(at)) if at <= Instant::now());
        let frame = state.last_frame.clone();
        drop(state);
        let going_away = || CloseFrame::new(CloseCode::GOING_AWAY, "").ok();
        match frame.or_else(going_away).filter(|_| !now) {
            // An error means that the connection is gone and needs no Close.
            Some(frame) => drop(connection.close_with(frame)),
            None => connection.abort(),
        }
    }

    /// Sets a timer. Once `after` has passed, the handler's
    /// [`on_timer`](crate::ServerHandler::on_timer) is called once, unless the server has ended.
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn set_timer(&self, after: Duration) -> TimerId {
        let (timer, is_first) = self.0.timers.set(after);
        if is_first {
            (self.0.wake)(self);
        }
        timer
    }

    /// Cancels a timer of the server. Returns whether it had not expired: then its call does not follow.
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn cancel_timer(&self, timer: TimerId) -> bool {
        self.0.timers.cancel(timer)
    }

    pub(crate) fn timers(&self) -> &SharedTimers {
        &self.0.timers
    }

    /// Ignores poisoning: the state is consistent whenever the lock is free.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counts of a server's connections.
pub(crate) struct Roster<'a>(&'a ServerHandle);

impl Roster<'_> {
    /// Takes a permit, unless there are too many; `address` is that of the client, if it is counted.
    pub(crate) fn admit(&self, address: Option<AddressKey>) -> Result<(), Refusal> {
        let mut state = self.0.lock();
        if state.carried >= self.0.options().limit() {
            return Err(Refusal::Full);
        }
        if let Some(address) = address {
            self.count(&mut state, address)?;
        }
        state.carried += 1;
        Ok(())
    }

    /// Counts the address of a client that has a permit, and whose address was not known before.
    pub(crate) fn admit_address(&self, address: AddressKey) -> Result<(), Refusal> {
        self.count(&mut self.0.lock(), address)
    }

    fn count(&self, state: &mut State, address: AddressKey) -> Result<(), Refusal> {
        let now = self.0.0.start.elapsed();
        state.addresses.admit(address, self.0.options().address_limits(), now)
    }

    /// Frees a permit, and its client's address if that was counted.
    pub(crate) fn release(&self, address: Option<AddressKey>) {
        let mut state = self.0.lock();
        state.carried -= 1;
        if let Some(address) = address {
            state.addresses.release(address);
        }
        drop(state);
        self.0.0.changed.notify_all();
    }

    /// Records that the handler of an opened connection has returned from its last call.
    pub(crate) fn finish(&self) {
        self.0.lock().handled -= 1;
        self.0.0.changed.notify_all();
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
