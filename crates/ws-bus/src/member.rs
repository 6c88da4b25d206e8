//! A server on the bus, without I/O: what the methods of its connection and its threads share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use ws_common::{BusConnection, BusError, BusSink, BusState};

use crate::BusOptions;
use crate::interest::{Change, Interest};
use crate::outbox::{Outbox, Outgoing};
use crate::topic;

/// Wakes the threads of a member. May be called with locks held.
pub(crate) trait Wake: Send + Sync + 'static {
    /// There are messages for the broker.
    fn messages(&self);
    /// There are topics to subscribe or to unsubscribe.
    fn topics(&self);
    /// The member leaves.
    fn closed(&self);
}

/// A server on the bus.
pub(crate) struct Member<W> {
    pub(crate) wake: W,
    pub(crate) prefix: String,
    sink: Arc<dyn BusSink>,
    state: Mutex<State>,
    /// The state that the server was told; held while it is told, so that it hears one at a time.
    told: Mutex<Option<BusState>>,
    /// Whether what arrives is delivered: from the end of the call of `up` on.
    delivers: AtomicBool,
}

struct State {
    up: bool,
    closed: bool,
    /// The most bytes of a payload that the broker accepts.
    most: usize,
    outbox: Outbox,
    interest: Interest,
}

impl<W: Wake> Member<W> {
    pub(crate) fn new(options: &BusOptions, sink: Arc<dyn BusSink>, wake: W) -> Arc<Self> {
        let state = State {
            up: false,
            closed: false,
            most: usize::MAX,
            outbox: Outbox::new(options.queue_limit),
            interest: Interest::default(),
        };
        Arc::new(Self {
            wake,
            prefix: options.prefix.clone(),
            sink,
            state: Mutex::new(state),
            told: Mutex::default(),
            delivers: AtomicBool::new(false),
        })
    }

    /// Returns the next message for the broker, whose bytes count until they are released.
    pub(crate) fn pop(&self) -> Option<Outgoing> {
        self.state.lock().outbox.pop()
    }

    /// Makes room for the bytes of a message that was taken.
    pub(crate) fn release(&self, cost: usize) {
        self.state.lock().outbox.release(cost);
    }

    /// Takes the topics to subscribe and to unsubscribe, each once.
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.state.lock().interest.changes()
    }

    /// Notes that the broker has forgotten all topics; takes those to subscribe again.
    #[cfg(any(test, feature = "redis"))]
    pub(crate) fn all_again(&self) -> Vec<Change> {
        self.state.lock().interest.all_again()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state.lock().up
    }

    #[cfg(feature = "redis")]
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Returns whether the member is closed, and every message has been taken.
    pub(crate) fn is_done(&self) -> bool {
        let state = self.state.lock();
        state.closed && state.outbox.is_empty()
    }

    /// There is a connection, on which all topics are subscribed, and which accepts payloads of up to `most` bytes.
    pub(crate) fn up(&self, most: usize) {
        let mut told = self.told.lock();
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        (state.up, state.most) = (true, most);
        drop(state);
        if told.replace(BusState::Up) != Some(BusState::Up) {
            self.sink.up();
        }
        self.delivers.store(true, Ordering::Release);
    }

    /// There is no connection, whether or not there was one. Messages that nobody has taken are dropped.
    pub(crate) fn down(&self) {
        let mut told = self.told.lock();
        self.delivers.store(false, Ordering::Release);
        let mut state = self.state.lock();
        state.up = false;
        let dropped = state.outbox.clear();
        let closed = state.closed;
        drop(state);
        if dropped > 0 {
            log::debug!("the connection to the broker is lost, with {dropped} messages");
        }
        if !closed && told.replace(BusState::Down) != Some(BusState::Down) {
            self.sink.down();
        }
    }

    /// Delivers a payload that has arrived, unless the server believes that there is no connection.
    pub(crate) fn deliver(&self, topic: &str, payload: &[u8]) {
        if self.delivers.load(Ordering::Acquire) {
            self.sink.deliver(topic, payload);
        }
    }

    fn close(&self) {
        let mut state = self.state.lock();
        if !state.closed {
            state.closed = true;
            drop(state);
            self.delivers.store(false, Ordering::Release);
            self.wake.closed();
        }
    }
}

impl<W> fmt::Debug for Member<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// A server's connection to its bus, which leaves when it is dropped.
#[derive(Debug)]
pub(crate) struct Connection<W: Wake>(pub(crate) Arc<Member<W>>);

impl<W: Wake> BusConnection for Connection<W> {
    fn publish(&self, topic: &str, payload: Vec<u8>) -> Result<(), BusError> {
        let message = Outgoing { name: topic::to_name(&self.0.prefix, topic), bytes: payload };
        let mut state = self.0.state.lock();
        if !state.up || state.closed {
            return Err(BusError::Down);
        }
        if message.bytes.len() > state.most || state.outbox.is_too_big(&message) {
            return Err(BusError::TooBig);
        }
        let was_empty = state.outbox.is_empty();
        if !state.outbox.push(message) {
            return Err(BusError::Full);
        }
        drop(state);
        if was_empty {
            self.0.wake.messages();
        }
        Ok(())
    }

    fn subscribe(&self, topic: &str) {
        let mut state = self.0.state.lock();
        if !state.closed && state.interest.add(topic) {
            self.0.wake.topics();
        }
    }

    fn unsubscribe(&self, topic: &str) {
        let mut state = self.0.state.lock();
        if !state.closed && state.interest.remove(topic) {
            self.0.wake.topics();
        }
    }

    fn close(&self) {
        self.0.close();
    }
}

impl<W: Wake> Drop for Connection<W> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests;
