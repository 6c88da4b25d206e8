//! A connection under load.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use ws_mio::wsproto::CloseInfo;
use ws_mio::{ConnectionHandler, Error, Message, TimerId, WebSocketConnection};

use super::plan::{Pace, Payload, Plan};
use super::totals::Totals;

/// The error of an operating system that has no further descriptor: `EMFILE` of Unix.
const EMFILE: i32 = 24;

/// How much longer than asked for an event loop may wait: operating systems count in milliseconds. The rest of
/// the time until a message is due is spent awake, or it would be measured as latency.
const ROUNDED: Duration = Duration::from_millis(1);

/// The state that the connections share with the thread that conducts them.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) plan: Plan,
    totals: Mutex<Totals>,
    /// Signalled when a connection has opened or failed.
    begun: Condvar,
    /// When sending began.
    start: OnceLock<Instant>,
    /// How long after the start sending ended.
    stopped: OnceLock<Duration>,
}

impl Shared {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            totals: Mutex::new(Totals::new()),
            begun: Condvar::new(),
            start: OnceLock::new(),
            stopped: OnceLock::new(),
        }
    }

    pub(super) fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock()
    }

    /// Waits until so many connections have opened or failed.
    pub(super) fn await_begun(&self, count: u64) {
        let waiting = |totals: &mut Totals| totals.begun() < count && !self.is_stopping();
        self.begun.wait_while(&mut self.totals(), waiting);
    }

    /// Returns when sending began; it begins with the first call.
    pub(super) fn start(&self) -> Instant {
        *self.start.get_or_init(Instant::now)
    }

    /// Tells all connections to send nothing more.
    pub(super) fn stop(&self) {
        let sent_for = self.start.get().map_or(Duration::ZERO, Instant::elapsed);
        // Under the lock, so that no waiting thread misses it.
        let totals = self.totals();
        let _earlier = self.stopped.set(sent_for.min(self.plan.whole()));
        drop(totals);
        self.begun.notify_all();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopped.get().is_some()
    }
}

/// The handler of a connection.
#[derive(Debug)]
pub(super) struct Client {
    shared: Arc<Shared>,
    number: u64,
    payload: Payload,
    sent: u64,
    answered: u64,
    /// When the messages without an answer were sent, if they are sent as fast as answers come.
    in_flight: VecDeque<Instant>,
    has_timer: bool,
    opened: bool,
    error: Option<String>,
}

impl Client {
    pub(super) fn new(shared: Arc<Shared>, number: u64) -> Self {
        let payload = Payload::new(shared.plan.size);
        Self {
            shared,
            number,
            payload,
            sent: 0,
            answered: 0,
            in_flight: VecDeque::new(),
            has_timer: false,
            opened: false,
            error: None,
        }
    }

    /// Sends the messages that are due.
    fn send(&mut self, ws: &WebSocketConnection) {
        while !self.shared.is_stopping() {
            let now = Instant::now();
            match self.shared.plan.pace {
                Pace::Rate(rate) => {
                    let due = self.shared.plan.due(rate, self.number, self.sent);
                    if due >= self.shared.plan.whole() {
                        return;
                    }
                    let early =
                        due.saturating_sub(now.saturating_duration_since(self.shared.start()));
                    if !early.is_zero() {
                        if !self.has_timer {
                            ws.set_timer(early.saturating_sub(ROUNDED));
                            self.has_timer = true;
                        }
                        return;
                    }
                }
                Pace::InFlight(most) if self.sent - self.answered >= most.get() => return,
                Pace::InFlight(_) => {}
            }
            let payload = self.payload.of(self.sent);
            let sent = match std::str::from_utf8(payload) {
                Ok(text) if !self.shared.plan.binary => ws.send_text(text),
                _ => ws.send_binary(payload),
            };
            // Without room, the message stays due, and leaves once there is some.
            if sent.is_err() {
                return;
            }
            if matches!(self.shared.plan.pace, Pace::InFlight(_)) {
                self.in_flight.push_back(now);
            }
            self.sent += 1;
            self.shared.totals().counts.sent += 1;
        }
    }

    /// Returns when the next message to be answered was due: late sending counts as latency.
    fn next_due(&mut self) -> Option<Instant> {
        match self.shared.plan.pace {
            Pace::Rate(rate) => {
                let due = self.shared.plan.due(rate, self.number, self.answered);
                self.shared.start().checked_add(due)
            }
            Pace::InFlight(_) => self.in_flight.pop_front(),
        }
    }
}

impl ConnectionHandler for Client {
    fn on_open(&mut self, _: &WebSocketConnection) {
        self.opened = true;
        self.shared.totals().opened += 1;
        self.shared.begun.notify_all();
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        let is_answer =
            self.answered < self.sent && message.as_bytes() == self.payload.of(self.answered);
        if !is_answer {
            self.shared.totals().counts.other += 1;
            return;
        }
        let now = Instant::now();
        let due = self.next_due();
        self.answered += 1;
        let counts_from = self.shared.start() + self.shared.plan.warm_up;
        let mut totals = self.shared.totals();
        totals.counts.answered += 1;
        if let Some(due) = due.filter(|due| *due >= counts_from) {
            totals.latencies.record(now.saturating_duration_since(due));
        }
        drop(totals);
        self.send(ws);
    }

    fn on_drained(&mut self, ws: &WebSocketConnection) {
        self.send(ws);
    }

    fn on_timer(&mut self, ws: &WebSocketConnection, _: TimerId) {
        self.has_timer = false;
        self.send(ws);
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        self.error = Some(reason(error));
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        let reason = self.error.take().unwrap_or_else(|| info.to_string());
        let mut totals = self.shared.totals();
        if !self.opened {
            totals.failed.add(reason);
        } else if let Some(stopped) = self.shared.stopped.get() {
            if let Pace::Rate(rate) = self.shared.plan.pace {
                let due = self.shared.plan.due_before(rate, self.number, *stopped);
                totals.unsent += due.saturating_sub(self.sent);
            }
        } else {
            totals.lost.add(reason);
        }
        drop(totals);
        self.shared.begun.notify_all();
    }
}

/// Describes an error, and the way out of one that the user can change.
pub(super) fn reason(error: &Error) -> String {
    let limit = |error: &io::Error| cfg!(unix) && error.raw_os_error() == Some(EMFILE);
    match error {
        Error::Connect { error, .. } | Error::Io(error) if limit(error) => {
            "the limit of open files is reached: raise it with ulimit -n".into()
        }
        Error::Http(response) => format!("refused with status {}", response.status()),
        error => error.to_string(),
    }
}
