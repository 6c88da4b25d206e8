//! A server's part of its bus: the topics that it wants, and the changes that its handler is to hear of.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{ServerHandle, Shared};
use crate::adapter::logging::debug;
use crate::bus::{self, Origin};
use crate::pubsub::{Broadcast, Lingering};
use crate::timers::SharedTimers;
use crate::{BusConnection, BusError, BusSink, BusState, Message, TimerId};

/// The most timers in the time that a topic lingers: each wakes a loop or a thread. So topics that end between two of
/// them linger longer, by at most this part.
const MOST_ALARMS: u32 = 16;

/// A server's membership of a bus.
pub(super) struct Member {
    origin: Origin,
    /// How long a topic stays subscribed without subscribers.
    linger: Duration,
    /// Set when the server starts.
    connection: OnceLock<Box<dyn BusConnection>>,
    /// Locked after the server's topics, and while topics are subscribed and unsubscribed at the bus: so these
    /// calls have the order of the changes here.
    work: Mutex<Work>,
}

/// The work that is due at times.
#[derive(Default)]
struct Work {
    lingering: Lingering,
    /// The changes that the handler has not heard of, at most two.
    untold: VecDeque<BusState>,
    /// The last change.
    last: Option<BusState>,
    /// The timer at which the handler hears of changes. As the other one, it is never cancelled: a thread that has
    /// taken it must know it.
    notice: Option<TimerId>,
    /// The timer at which topics have lingered long enough.
    alarm: Option<TimerId>,
}

impl Member {
    pub(super) fn new(linger: Duration) -> Self {
        // The system's random bytes, without the error that asking for them can have.
        let origin = Origin(RandomState::new().build_hasher().finish().to_ne_bytes());
        Self { origin, linger, connection: OnceLock::new(), work: Mutex::default() }
    }

    pub(super) fn publish(&self, topic: &str, message: &Message) -> Result<(), BusError> {
        let connection = self.connection.get().ok_or(BusError::Down)?;
        connection.publish(topic, bus::seal(self.origin, message))
    }

    /// Subscribes a topic that has its first subscriber.
    pub(super) fn want(&self, topic: &str) {
        let mut work = self.work.lock();
        if !work.lingering.remove(topic)
            && let Some(connection) = self.connection.get()
        {
            connection.subscribe(topic);
        }
    }

    /// Lets a topic linger whose last subscriber has left. Returns whether to wake the server.
    pub(super) fn let_go(&self, topic: Arc<str>, now: Instant, timers: &SharedTimers) -> bool {
        let mut work = self.work.lock();
        // Also without the timer, for which an adapter may have no turn.
        self.end_lingering(&mut work, now);
        if let Some(first) = work.lingering.add(topic, now, self.linger) {
            self.unsubscribe(&first);
        }
        work.set_alarm(now, now, timers)
    }

    fn end_lingering(&self, work: &mut Work, now: Instant) {
        while let Some(topic) = work.lingering.take_ended(now) {
            self.unsubscribe(&topic);
        }
    }

    fn unsubscribe(&self, topic: &str) {
        if let Some(connection) = self.connection.get() {
            connection.unsubscribe(topic);
        }
    }

    /// Records a change that the handler is to hear of. Returns whether to wake the server.
    fn changed(&self, state: BusState, server: &ServerHandle) -> bool {
        let mut work = self.work.lock();
        if work.last.replace(state) == Some(state) {
            return false;
        }
        debug!("the bus of the server at {:?} is {state:?}", server.local_addr());
        work.untold.push_back(state);
        if work.untold.len() > 2 {
            // A loss that was made up for, before one that the handler hears of.
            work.untold.drain(..2);
        }
        if work.notice.is_some() {
            return false;
        }
        let (notice, is_first) = server.timers().set_own(Duration::ZERO);
        work.notice = Some(notice);
        is_first
    }

    /// Does what this timer is set for. Returns whether it is one of these two.
    fn turn(&self, timer: TimerId, now: Instant, timers: &SharedTimers) -> bool {
        let mut work = self.work.lock();
        if work.notice == Some(timer) {
            work.notice = None;
            return true;
        }
        if work.alarm != Some(timer) {
            return false;
        }
        work.alarm = None;
        self.end_lingering(&mut work, now);
        let earliest = now.checked_add(self.linger / MOST_ALARMS).unwrap_or(now);
        work.set_alarm(earliest, now, timers);
        true
    }
}

impl Work {
    /// Sets the timer for the first topic that lingers, unless there is one. It expires at `earliest` or later. Returns
    /// whether it is now the server's first.
    fn set_alarm(&mut self, earliest: Instant, now: Instant, timers: &SharedTimers) -> bool {
        let Some(end) = self.lingering.first().filter(|_| self.alarm.is_none()) else {
            return false;
        };
        let (alarm, is_first) = timers.set_own(end.max(earliest).saturating_duration_since(now));
        self.alarm = Some(alarm);
        is_first
    }
}

/// Leaves the bus with the server, also with one that has not ended in order.
impl Drop for Member {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.get() {
            connection.close();
        }
    }
}

impl ServerHandle {
    /// Joins the bus of the options, if they have one, unless the server has joined it.
    pub(crate) fn join_bus(&self) {
        if let (Some(bus), Some(member)) = (&self.0.options.bus, &self.0.bus) {
            let sink = || Arc::new(Sink(Arc::downgrade(&self.0)));
            member.connection.get_or_init(|| bus.join(sink()));
        }
    }

    /// Leaves the bus, when the server has ended.
    pub(crate) fn leave_bus(&self) {
        if let Some(connection) = self.0.bus.as_ref().and_then(|bus| bus.connection.get()) {
            connection.close();
        }
    }

    /// Does the work of the bus, if this timer is set for it. Returns whether it is; then
    /// [`next_bus_state`](Self::next_bus_state) may have changes.
    pub(crate) fn bus_turn(&self, timer: TimerId) -> bool {
        let Some(bus) = &self.0.bus else { return false };
        bus.turn(timer, self.now(), self.timers())
    }

    /// Takes the next change of the bus that the handler has not heard of.
    pub(crate) fn next_bus_state(&self) -> Option<BusState> {
        self.0.bus.as_ref()?.work.lock().untold.pop_front()
    }

    /// Sends what another server has published to the subscribers here.
    fn deliver(&self, topic: &str, payload: &[u8]) {
        let Some(member) = &self.0.bus else { return };
        let (origin, message) = match bus::open(payload) {
            Ok(opened) => opened,
            Err(reason) => {
                debug!("a payload of {} bytes on the bus is no message: {reason}", payload.len());
                return;
            }
        };
        if origin == member.origin {
            return;
        }
        let subscribers = self.0.topics.lock().subscribers(topic);
        if let Some(subscribers) = subscribers {
            self.count_refused(Broadcast::new(|| message.prepare(), &*subscribers));
        }
    }
}

/// The server, as its bus sees it. It does not keep the server alive.
struct Sink(Weak<Shared>);

impl Sink {
    fn with(&self, call: impl FnOnce(&ServerHandle)) {
        if let Some(shared) = self.0.upgrade() {
            call(&ServerHandle(shared));
        }
    }

    fn changed(&self, state: BusState) {
        self.with(|server| {
            if server.timers().are_off() {
                // There is no handler to tell.
                return;
            }
            let bus = server.0.bus.as_ref();
            if bus.is_some_and(|bus| bus.changed(state, server)) {
                server.wake();
            }
        });
    }
}

impl BusSink for Sink {
    fn deliver(&self, topic: &str, payload: &[u8]) {
        self.with(|server| server.deliver(topic, payload));
    }

    fn down(&self) {
        self.changed(BusState::Down);
    }

    fn up(&self) {
        self.changed(BusState::Up);
    }
}
