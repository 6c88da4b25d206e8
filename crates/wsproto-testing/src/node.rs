//! An endpoint in a loop with only the required duties.
use std::fmt;
use std::mem;
use std::time::Duration;

use crate::{Cuts, End, Pipe, Seen, assert_order};
use wsproto::{Advice, CloseInfo, Config, Endpoint, Event, SessionEvent};

/// An application: called with every event, and with `None` once in each turn of its loop. The last
/// argument is the time.
pub type App<R> = Box<dyn FnMut(&mut Endpoint<R>, Option<&SessionEvent<Event<'_>>>, Duration)>;

/// An application's own deadline: when to call it although no event happens; `None` if it waits for events only.
/// Once it is called then, the deadline must be later, or `None`.
pub type AppDeadline = Box<dyn Fn() -> Option<Duration>>;

/// An [`Endpoint`] in a loop that follows its documentation exactly, with a transport that
/// transfers parts of any size.
///
/// It panics if a promise is broken: if a deadline stays in the past, that of the application included, if the count of unwritten
/// bytes does not match the pending ones, or if input is left over.
pub struct Node<R: End> {
    /// The endpoint.
    pub endpoint: Endpoint<R>,
    /// The application, called with the events.
    pub app: App<R>,
    /// The application's deadline, such as that of a login; none by default. The time of a [`Net`](crate::Net) stops
    /// there.
    pub app_deadline: AppDeadline,
    /// The reported events; messages, Pings and Pongs without their payloads.
    pub log: Vec<Seen>,
    /// The maximum number of unwritten bytes so far.
    pub peak: usize,
    /// Whether the transport was dropped.
    pub dropped: bool,
    opening: R::Opening,
    reads: Cuts,
    writes: Cuts,
    end_reported: bool,
}

impl<R: End> fmt::Debug for Node<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("log", &self.log).finish_non_exhaustive()
    }
}

impl<R: End> Node<R> {
    /// The maximum size of a read in bytes.
    const READ: usize = 16 << 10;

    /// Begins with an open transport, at time zero, which transfers parts given by `cuts`.
    #[must_use]
    pub fn begin(config: Config, cuts: Cuts) -> Self {
        Self::begin_with(R::opening(), config, cuts)
    }

    /// Begins as [`begin`](Self::begin) does, with that request or answer.
    #[must_use]
    pub fn begin_with(opening: R::Opening, config: Config, cuts: Cuts) -> Self {
        let mut out = Vec::new();
        let session = R::session(&opening, config, &mut out);
        let app: App<R> = Box::new(|_, _, _| {});
        let app_deadline: AppDeadline = Box::new(|| None);
        let (reads, writes) = (cuts.clone(), cuts);
        let endpoint = Endpoint::new(session, out);
        let (log, peak, dropped, end_reported) = (Vec::new(), 0, false, false);
        Self {
            endpoint,
            app,
            app_deadline,
            log,
            peak,
            dropped,
            opening,
            reads,
            writes,
            end_reported,
        }
    }

    /// Begins again, with that request or answer, and the same application, its deadline and cuts.
    pub(crate) fn restart(&mut self, opening: R::Opening, config: Config) {
        let mut node = Self::begin_with(opening, config, self.reads.clone());
        mem::swap(&mut node.app, &mut self.app);
        mem::swap(&mut node.app_deadline, &mut self.app_deadline);
        *self = node;
    }

    /// Begins, and completes the opening handshake. The output is discarded.
    ///
    /// # Panics
    ///
    /// If the connection does not open.
    #[must_use]
    pub fn open(config: Config, cuts: Cuts) -> Self {
        let mut node = Self::begin(config, cuts);
        let request = node.endpoint.pending().to_vec();
        node.endpoint.wrote(request.len(), Duration::ZERO);
        node.read(&mut R::handshake(&request), Duration::ZERO);
        node.endpoint.wrote(node.endpoint.unwritten(), Duration::ZERO);
        assert_eq!(node.log.last(), Some(&SessionEvent::Open));
        node.peak = 0;
        node
    }

    /// Returns how the connection ended, once that was reported; checks the order of all events
    /// (promise I10).
    #[must_use]
    pub fn closed(&self) -> Option<&CloseInfo> {
        assert_order(&self.log);
        match self.log.last() {
            Some(SessionEvent::Closed(info)) => Some(info),
            _ => None,
        }
    }

    /// Runs one turn: one read, the action that is due, the application, one write, and the advice.
    /// Returns whether anything happened.
    pub fn turn(&mut self, now: Duration, from: &mut Pipe, to: &mut Pipe) -> bool {
        if self.dropped {
            return false;
        }
        let mut moved = self.read_from(from, now);
        self.serve_deadline(now);
        let before = self.endpoint.unwritten();
        (self.app)(&mut self.endpoint, None, now);
        let late = (self.app_deadline)().is_some_and(|at| at <= now);
        assert!(!late, "the application's deadline stays in the past");
        moved |= self.endpoint.unwritten() != before;
        self.peak = self.peak.max(self.endpoint.unwritten());
        moved |= self.write_to(to, now);
        self.follow_advice(from, to) || moved
    }

    /// Returns when the next turn is due without input: the endpoint's deadline or the application's.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let both = [self.endpoint.deadline(), (self.app_deadline)()];
        both.into_iter().flatten().min().filter(|_| !self.dropped)
    }

    fn read_from(&mut self, from: &mut Pipe, now: Duration) -> bool {
        if !self.endpoint.wants_read() {
            return false;
        }
        let mut part = from.read(self.reads.next_len().min(Self::READ));
        if !part.is_empty() {
            self.read(&mut part, now);
            return true;
        }
        if from.is_at_end() && !self.end_reported {
            self.end_reported = true;
            self.endpoint.end_of_input(now);
            self.read(&mut [], now);
            return true;
        }
        false
    }

    /// Passes in bytes, and takes all events.
    pub fn read(&mut self, bytes: &mut [u8], now: Duration) {
        let mut input = bytes;
        while let Some(event) = self.endpoint.next_event(now, &mut input) {
            if matches!(event, SessionEvent::Upgrade | SessionEvent::Http) {
                R::answer_at(&mut self.opening, &mut self.endpoint, now);
            }
            (self.app)(&mut self.endpoint, Some(&event), now);
            self.log.push(without_payload(event));
            self.peak = self.peak.max(self.endpoint.unwritten());
        }
        assert!(input.is_empty(), "I1: input was left over");
    }

    fn serve_deadline(&mut self, now: Duration) {
        for _ in 0..8 {
            if self.endpoint.deadline().is_none_or(|at| now < at) {
                return;
            }
            self.endpoint.handle_timeout(now);
            self.read(&mut [], now);
        }
        panic!("a deadline stays in the past");
    }

    fn write_to(&mut self, to: &mut Pipe, now: Duration) -> bool {
        let before = self.endpoint.unwritten();
        let pending = self.endpoint.pending();
        assert_eq!(pending.is_empty(), before == 0, "{before} bytes are unwritten");
        if pending.is_empty() {
            return false;
        }
        if to.gone {
            self.endpoint.write_failed();
            self.read(&mut [], now);
            return true;
        }
        let most = self.writes.next_len().min(pending.len());
        let len = to.write(&pending[..most]);
        self.endpoint.wrote(len, now);
        assert!(self.endpoint.unwritten() >= before - len);
        self.read(&mut [], now);
        len > 0
    }

    fn follow_advice(&mut self, from: &mut Pipe, to: &mut Pipe) -> bool {
        let before = (to.shut, self.dropped);
        match self.endpoint.advice() {
            Advice::KeepOpen | Advice::AwaitEnd | Advice::Flush => {}
            Advice::Shutdown => to.shut |= self.endpoint.unwritten() == 0,
            Advice::Drop => {
                (to.shut, from.gone, self.dropped) = (true, true, true);
            }
        }
        before != (to.shut, self.dropped)
    }
}

fn without_payload(event: SessionEvent<Event<'_>>) -> Seen {
    match event {
        SessionEvent::Received(Event::Text(_)) => SessionEvent::Received(Event::Text("".into())),
        SessionEvent::Received(Event::Binary(_)) => {
            SessionEvent::Received(Event::Binary(b""[..].into()))
        }
        SessionEvent::Received(Event::Ping(_)) => {
            SessionEvent::Received(Event::Ping(b""[..].into()))
        }
        SessionEvent::Received(Event::Pong(_)) => {
            SessionEvent::Received(Event::Pong(b""[..].into()))
        }
        other => other.into_owned(),
    }
}
