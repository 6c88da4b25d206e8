//! A session, everything it reported, and the rules for the order of that.
use std::mem;
use std::time::Duration;

use crate::{Ask, End, Frame, REQUEST, assert_order};
use wsproto::{
    Advice, CloseFrame, CloseInfo, Config, Event, ReadyState, SendError, Session, SessionEvent,
};

/// Something that a session reported.
pub type Seen = SessionEvent<Event<'static>>;

/// One end of a connection from its first byte to its last: it writes down what is reported, and
/// checks the order of it (promise I10).
///
/// Its methods call the session, report what comes of it, and panic where a promise is broken.
#[derive(Debug)]
pub struct Life<R: End> {
    /// The session.
    pub session: Session<R>,
    /// The time that it is told.
    pub now: Duration,
    /// What it wrote.
    pub out: Vec<u8>,
    /// What it reported.
    pub log: Vec<Seen>,
}

impl<R: End> Life<R> {
    /// Begins with an open transport, at time zero.
    #[must_use]
    pub fn begin(config: Config) -> Self {
        let mut out = Vec::new();
        let session = R::session(config, &mut out);
        Self { session, now: Duration::ZERO, out, log: Vec::new() }
    }

    /// Begins, and finishes the opening handshake. What it wrote is dropped.
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

    /// Reads; a request is accepted.
    pub fn read(&mut self, bytes: &[u8]) {
        self.read_deciding(bytes, R::accept);
    }

    /// Reads; on a request, does what `decide` does.
    pub fn read_deciding(
        &mut self,
        bytes: &[u8],
        decide: impl Fn(&mut Session<R>, Duration, &mut Vec<u8>),
    ) {
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        while let Some(event) = self.session.next_event(self.now, &mut input, &mut self.out) {
            let event = event.into_owned();
            if matches!(event, SessionEvent::Upgrade | SessionEvent::Http) {
                decide(&mut self.session, self.now, &mut self.out);
            }
            self.log.push(event);
            assert_order(&self.log);
        }
        assert!(input.is_empty(), "I1: input was left over");
    }

    /// Reads a frame of the peer.
    pub fn read_frame(&mut self, first: u8, payload: &[u8]) {
        self.read(&R::from_peer(first, payload));
    }

    /// The transport has ended.
    pub fn end_of_input(&mut self) {
        self.session.end_of_input(&mut self.out);
        self.read(&[]);
    }

    /// Gives up: nothing more may be written.
    pub fn abort(&mut self) {
        let before = self.out.len();
        self.session.abort();
        self.read(&[]);
        assert_eq!(self.out.len(), before, "who aborts writes nothing");
    }

    /// Closes, with the given body or an empty one.
    ///
    /// # Errors
    ///
    /// [`SendError::ClientOnlyCode`] if a server asks for 1010.
    pub fn close(&mut self, frame: Option<&CloseFrame<'_>>) -> Result<(), SendError> {
        let result = self.session.close(frame, self.now, &mut self.out);
        self.read(&[]);
        result
    }

    /// Lets the time be `now`.
    pub fn at(&mut self, now: Duration) {
        self.now = now;
        self.session.handle_timeout(now, &mut self.out);
        assert!(self.session.deadline().is_none_or(|at| at >= now), "a deadline in the past");
        self.read(&[]);
        assert!(self.session.deadline().is_none_or(|at| at >= now), "a deadline in the past");
    }

    /// Lets the time be that of the deadline.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn at_deadline(&mut self) {
        let deadline = self.session.deadline().expect("a deadline");
        self.at(deadline);
    }

    /// Sends something, and returns what the other end must see of it.
    ///
    /// # Panics
    ///
    /// If the session is not open, or another message is unfinished.
    pub fn ask(&mut self, ask: &Ask) -> Vec<Event<'static>> {
        let sender = self.session.sender().expect("open");
        ask.send(sender, &mut self.out).expect("open")
    }

    /// What was received so far.
    #[must_use]
    pub fn received(&self) -> Vec<Event<'static>> {
        let events = self.log.iter().filter_map(|event| match event {
            SessionEvent::Received(event) => Some(event.clone()),
            _ => None,
        });
        events.collect()
    }

    /// Takes what was written since the opening handshake.
    ///
    /// # Panics
    ///
    /// If it is not whole frames.
    pub fn take_sent(&mut self) -> Vec<Frame> {
        Frame::read_all(&mem::take(&mut self.out))
    }

    /// Checks that the session is over and stays so whatever is called, and returns how it ended.
    ///
    /// # Panics
    ///
    /// If it is not over, or something happens after the end.
    pub fn ended(mut self) -> CloseInfo {
        let log = self.log.clone();
        let Some(SessionEvent::Closed(info)) = log.last() else { panic!("not over: {log:?}") };
        let written = self.out.clone();

        let late = [&R::from_peer(0x89, b"late")[..], REQUEST, &R::from_peer(0x88, b"")].concat();
        self.read(&late);
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
