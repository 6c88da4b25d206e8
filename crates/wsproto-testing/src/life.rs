//! A session, its reports, and checks of their order.
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::time::Duration;

use crate::{Ask, End, Frame, REQUEST, assert_order};
use wsproto::{
    Advice, CloseFrame, CloseInfo, Config, Event, ReadyState, SendError, Session, SessionEvent,
};

/// An event reported by a session.
pub type Seen = SessionEvent<Event<'static>>;

/// One end of a connection from its first byte to its last: it logs the reports, and checks their
/// order (promise I10).
///
/// Its methods call the session, log the resulting events, and panic if a promise is broken.
pub struct Life<R: End> {
    /// The session.
    pub session: Session<R>,
    /// The time passed to the session.
    pub now: Duration,
    /// The session's output.
    pub out: Vec<u8>,
    /// The session's reports.
    pub log: Vec<Seen>,
    opening: R::Opening,
    app: Option<LifeApp<R>>,
    /// The reports that the application has not been told yet; `None` unless it is being called.
    untold: Option<VecDeque<Seen>>,
}

/// The application of a session: called with each report.
pub(crate) type LifeApp<R> = Box<dyn FnMut(&mut Life<R>, &Seen)>;

impl<R: End> fmt::Debug for Life<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Life")
            .field("now", &self.now)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

impl<R: End> Life<R> {
    /// The longest time that a transport lingers after the end was reported, once all output is written.
    const LINGER: Duration = Duration::from_secs(2);

    /// Begins with an open transport, at time zero.
    #[must_use]
    pub fn begin(config: Config) -> Self {
        Self::begin_with(R::opening(), config)
    }

    /// Begins as [`begin`](Self::begin) does, with that request or answer.
    #[must_use]
    pub fn begin_with(opening: R::Opening, config: Config) -> Self {
        let mut out = Vec::new();
        let session = R::session(&opening, config, &mut out);
        Self::of(session, out, opening)
    }

    /// Begins open, without an opening handshake, at time zero, as [`Session::opened`] does. After [`open`](Self::open),
    /// the session has had one.
    #[must_use]
    pub fn without_handshake(config: Config) -> Self {
        Self::of(R::without_handshake(config), Vec::new(), R::opening())
    }

    fn of(session: Session<R>, out: Vec<u8>, opening: R::Opening) -> Self {
        let (now, log) = (Duration::ZERO, Vec::new());
        Self { session, now, out, log, opening, app: None, untold: None }
    }

    /// Sets the application, and returns the one before.
    pub(crate) fn set_app(&mut self, app: Option<LifeApp<R>>) -> Option<LifeApp<R>> {
        mem::replace(&mut self.app, app)
    }

    /// Begins, and completes the opening handshake. The output is discarded.
    #[must_use]
    pub fn open(config: Config) -> Self {
        let mut life = Self::begin(config);
        life.read(&R::handshake(&life.out));
        assert_eq!(life.log.pop(), Some(SessionEvent::Open));
        assert!(life.log.is_empty() || life.log == [SessionEvent::Upgrade]);
        life.log = vec![SessionEvent::Open];
        life.out.clear();
        life
    }

    /// Passes in bytes; answers a request.
    pub fn read(&mut self, bytes: &[u8]) {
        self.read_deciding(bytes, R::answer);
    }

    /// Passes in bytes; calls `decide` on a request, which may also leave it undecided.
    pub fn read_deciding(
        &mut self,
        bytes: &[u8],
        decide: impl Fn(&mut R::Opening, &mut Session<R>, Duration, &mut Vec<u8>),
    ) {
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        while let Some(event) = self.session.next_event(self.now, &mut input, &mut self.out) {
            let event = event.into_owned();
            if matches!(event, SessionEvent::Upgrade | SessionEvent::Http) {
                decide(&mut self.opening, &mut self.session, self.now, &mut self.out);
            }
            self.log.push(event.clone());
            assert_order(&self.log);
            self.tell(event);
        }
        assert!(input.is_empty(), "I1: input was left over");
    }

    /// Tells the application of a report, and of those that its calls lead to.
    fn tell(&mut self, event: Seen) {
        if let Some(untold) = &mut self.untold {
            return untold.push_back(event);
        }
        let Some(mut app) = self.app.take() else { return };
        self.untold = Some(VecDeque::from([event]));
        while let Some(event) = self.untold.as_mut().and_then(VecDeque::pop_front) {
            app(self, &event);
        }
        (self.app, self.untold) = (Some(app), None);
    }

    /// Passes in a frame from the peer.
    pub fn read_frame(&mut self, first: u8, payload: &[u8]) {
        self.read(&R::from_peer(first, payload));
    }

    /// Reports all output as written. It stays in `out` for inspection.
    pub fn flush(&mut self) {
        self.session.flushed(self.now);
        self.read(&[]);
    }

    /// Reports the end of the input. Whether the output was written is reported by
    /// [`flush`](Self::flush), before or afterwards.
    pub fn end_of_input(&mut self) {
        let before = self.out.len();
        self.session.end_of_input(&mut self.out);
        self.read(&[]);
        assert_eq!(self.out.len(), before, "the end of the input gets no reply");
    }

    /// Aborts: nothing more may be written.
    pub fn abort(&mut self) {
        let before = self.out.len();
        self.session.abort();
        self.read(&[]);
        assert_eq!(self.out.len(), before, "an abort writes nothing");
    }

    /// Closes, with the given body or an empty one.
    ///
    /// # Errors
    ///
    /// [`SendError::ClientOnlyCode`] if a server passes close code 1010.
    pub fn close(&mut self, frame: Option<&CloseFrame<'_>>) -> Result<(), SendError> {
        let result = self.session.close(frame, self.now, &mut self.out);
        self.read(&[]);
        result
    }

    /// Advances the time to `now`.
    pub fn at(&mut self, now: Duration) {
        self.now = now;
        self.session.handle_timeout(now, &mut self.out);
        assert!(self.session.deadline().is_none_or(|at| at >= now), "a deadline in the past");
        self.read(&[]);
        assert!(self.session.deadline().is_none_or(|at| at >= now), "a deadline in the past");
    }

    /// Advances the time to the deadline.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn at_deadline(&mut self) {
        let deadline = self.session.deadline().expect("a deadline");
        self.at(deadline);
    }

    /// Sends something, and returns the events that the other end must report.
    ///
    /// # Panics
    ///
    /// If the session is not open, or another message is unfinished.
    pub fn ask(&mut self, ask: &Ask) -> Vec<Event<'static>> {
        let sender = self.session.sender().expect("open");
        ask.send(sender, &mut self.out).expect("open")
    }

    /// Returns the events received so far.
    #[must_use]
    pub fn received(&self) -> Vec<Event<'static>> {
        let events = self.log.iter().filter_map(|event| match event {
            SessionEvent::Received(event) => Some(event.clone()),
            _ => None,
        });
        events.collect()
    }

    /// Takes the frames written since the opening handshake.
    ///
    /// # Panics
    ///
    /// If the output is not whole frames.
    pub fn take_sent(&mut self) -> Vec<Frame> {
        Frame::read_all(&mem::take(&mut self.out))
    }

    /// Checks that the session is over and stays over after any further call, and that its
    /// transport lingers for a bounded time (promise I10, L13). Returns how the session ended.
    ///
    /// # Panics
    ///
    /// If the session is not over, or something happens after the end.
    pub fn ended(mut self) -> CloseInfo {
        let log = self.log.clone();
        let Some(SessionEvent::Closed(info)) = log.last() else { panic!("not over: {log:?}") };
        let written = self.out.clone();

        let lingers = self.session.advice() != Advice::Drop;
        let limit = match self.session.advice() {
            // Output may be left for a peer that still reads.
            Advice::Flush => self.session.config().close_timeout.unwrap_or(Self::LINGER),
            _ => Self::LINGER,
        };
        let limit = self.now.saturating_add(limit);
        let deadline = self.session.deadline();
        assert!(!lingers || deadline.is_some_and(|at| at <= limit), "{deadline:?}");
        assert_eq!(self.session.ready_state(), ReadyState::Closed);
        assert_eq!(self.session.sender().map(drop), Err(SendError::Closed));

        let late = [&R::from_peer(0x89, b"late")[..], REQUEST, &R::from_peer(0x88, b"")].concat();
        self.read(&late);
        self.flush();
        if let Some(deadline) = self.session.deadline() {
            self.at(deadline);
        }
        assert_eq!(self.session.advice(), Advice::Drop, "L13: it lingers forever");
        self.end_of_input();
        self.abort();
        assert_eq!(self.close(None), Ok(()));
        self.at(self.now.saturating_add(Duration::from_secs(1000)));
        self.end_of_input();

        assert_eq!(self.log, log, "I10: nothing is reported after the end");
        assert_eq!(self.out, written, "I10: nothing is written after the end");
        assert_eq!(self.session.ready_state(), ReadyState::Closed);
        assert_eq!(self.session.advice(), Advice::Drop);
        assert_eq!(self.session.deadline(), None);
        assert_eq!(self.session.sender().map(drop), Err(SendError::Closed));
        info.clone()
    }
}
