//! A bus in memory.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Bus, BusConnection, BusError, BusSink, BusState};

/// A [bus](crate::ServerOptions::bus()) that joins servers of this process, for tests. Clones are the same bus. It
/// starts [`Up`](BusState::Up); a test can [break](Self::set_state) it, and let it [refuse](Self::refuse) messages.
///
/// It delivers in the thread that publishes, before [`publish`](crate::ServerHandle::publish) returns, so
/// that a test need not wait.
///
/// ```
/// use ws_common::testing::{MemoryBus, TestServer};
/// use ws_common::{
///     BusError, BusState, ConnectionHandler, Decision, Message, ServerOptions, WebSocketConnection,
/// };
///
/// /// The handler under test: everybody hears everybody.
/// struct Chat;
///
/// impl ConnectionHandler for Chat {
///     fn on_open(&mut self, ws: &WebSocketConnection) {
///         let _ = ws.subscribe("chat"); // fails if the peer is gone
///     }
///
///     fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
///         if let Err(error) = ws.publish("chat", message).elsewhere {
///             let _ = ws.send(format!("not everybody hears you: {error}"));
///         }
///     }
/// }
///
/// let bus = MemoryBus::new();
/// let options = ServerOptions::new().bus(bus.clone());
/// let start = || TestServer::with_options(options.clone(), |_: &_, _: &_| Decision::accept(Chat));
/// let (one, other) = (start(), start());
/// let (ada, bob) = (one.connect(), other.connect());
/// ada.send("hello");
/// assert_eq!(bob.received(), ["hello".into()]);
///
/// bus.set_state(BusState::Down);
/// ada.send("anybody?");
/// assert_eq!(ada.received(), [format!("not everybody hears you: {}", BusError::Down).into()]);
/// assert_eq!(bob.received(), []);
/// ```
#[derive(Clone, Default)]
pub struct MemoryBus(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    members: Vec<Member>,
    /// The number of the next member.
    next: u64,
    is_down: bool,
    refusal: Option<BusError>,
}

struct Member {
    number: u64,
    sink: Arc<dyn BusSink>,
    topics: BTreeSet<String>,
}

impl MemoryBus {
    /// Creates a bus without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Breaks or makes the connections of all servers, whose handlers are told
    /// ([`on_bus`](crate::ServerHandler::on_bus)) if that is a change. While the bus is down, publishing is
    /// [`BusError::Down`], and topics stay subscribed.
    ///
    /// A [`TestServer`](super::TestServer) calls `on_bus` in its next
    /// [`advance`](super::TestServer::advance), by [`Duration::ZERO`](std::time::Duration::ZERO) or more.
    pub fn set_state(&self, state: BusState) {
        let mut shared = self.0.lock();
        shared.is_down = state == BusState::Down;
        let sinks: Vec<_> = shared.members.iter().map(|member| Arc::clone(&member.sink)).collect();
        drop(shared);
        for sink in sinks {
            match state {
                BusState::Up => sink.up(),
                BusState::Down => sink.down(),
            }
        }
    }

    /// Refuses all later messages with this error, such as [`BusError::Full`] or [`BusError::TooBig`]. `None`, the
    /// default, accepts them again.
    pub fn refuse(&self, error: impl Into<Option<BusError>>) {
        self.0.lock().refusal = error.into();
    }

    /// Returns the topics that servers have subscribed, in alphabetical order: for each server, in the order of their
    /// starts. Servers that have ended are not listed.
    #[must_use]
    pub fn topics(&self) -> Vec<Vec<String>> {
        let state = self.0.lock();
        state.members.iter().map(|member| member.topics.iter().cloned().collect()).collect()
    }
}

impl Bus for MemoryBus {
    fn join(&self, sink: Arc<dyn BusSink>) -> Box<dyn BusConnection> {
        let mut state = self.0.lock();
        let (number, is_up) = (state.next, !state.is_down);
        state.next += 1;
        state.members.push(Member { number, sink: Arc::clone(&sink), topics: BTreeSet::new() });
        drop(state);
        if is_up {
            sink.up();
        }
        Box::new(Connection { bus: self.clone(), number })
    }
}

/// The connection of the member with this number.
struct Connection {
    bus: MemoryBus,
    number: u64,
}

impl Connection {
    fn with_topics(&self, change: impl FnOnce(&mut BTreeSet<String>)) {
        let mut state = self.bus.0.lock();
        if let Some(member) = state.members.iter_mut().find(|member| member.number == self.number) {
            change(&mut member.topics);
        }
    }
}

impl BusConnection for Connection {
    fn publish(&self, topic: &str, payload: Vec<u8>) -> Result<(), BusError> {
        let state = self.bus.0.lock();
        if state.is_down || state.members.iter().all(|member| member.number != self.number) {
            return Err(BusError::Down);
        }
        if let Some(error) = state.refusal {
            return Err(error);
        }
        let others = state.members.iter().filter(|member| member.number != self.number);
        let wanting = others.filter(|member| member.topics.contains(topic));
        let sinks: Vec<_> = wanting.map(|member| Arc::clone(&member.sink)).collect();
        drop(state);
        sinks.iter().for_each(|sink| sink.deliver(topic, &payload));
        Ok(())
    }

    fn subscribe(&self, topic: &str) {
        self.with_topics(|topics| {
            topics.insert(topic.into());
        });
    }

    fn unsubscribe(&self, topic: &str) {
        self.with_topics(|topics| {
            topics.remove(topic);
        });
    }

    fn close(&self) {
        let mut state = self.bus.0.lock();
        let gone = state.members.extract_if(.., |member| member.number == self.number);
        let gone: Vec<_> = gone.collect();
        drop(state);
        drop(gone);
    }
}

impl fmt::Debug for MemoryBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBus").finish_non_exhaustive()
    }
}
