//! A session, everything it reported, and the rules for the order of that.

use core::time::Duration;

use wsproto::handshake::{Accept, ClientRequest, Request, accept_key};
use wsproto::url::WsUrl;
use wsproto::{
    Client, CloseFrame, CloseInfo, Config, Event, ReadyState, SendError, Server, Session,
    SessionEvent, Transport,
};

use super::{End, SEED, Sent, sent};

pub(crate) type Seen = SessionEvent<Event<'static>>;

/// The request that tests send to a server by hand, with the key of RFC 6455.
pub(crate) const REQUEST: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// One end of a connection from its first byte to its last: it writes down what is reported, and
/// checks the order of it (invariants 1 to 4).
#[derive(Debug)]
pub(crate) struct Life<R: SessionEnd> {
    pub(crate) session: Session<R>,
    pub(crate) now: Duration,
    pub(crate) out: Vec<u8>,
    pub(crate) log: Vec<Seen>,
}

/// What the ends do differently in the opening handshake.
pub(crate) trait SessionEnd: End {
    fn session(config: Config, out: &mut Vec<u8>) -> Session<Self>;

    /// What this end has to read to be open.
    fn handshake(out: &[u8]) -> Vec<u8>;

    /// Decides on a request.
    fn decide(session: &mut Session<Self>, now: Duration, out: &mut Vec<u8>);
}

impl SessionEnd for Server {
    fn session(config: Config, _out: &mut Vec<u8>) -> Session<Self> {
        Session::server(config, Duration::ZERO)
    }

    fn handshake(_out: &[u8]) -> Vec<u8> {
        REQUEST.to_vec()
    }

    fn decide(session: &mut Session<Self>, now: Duration, out: &mut Vec<u8>) {
        session.accept(&Accept::new(), now, out).expect("a good request");
    }
}

impl SessionEnd for Client {
    fn session(config: Config, out: &mut Vec<u8>) -> Session<Self> {
        let request = ClientRequest::new(WsUrl::parse("ws://localhost/chat").expect("a URL"));
        Session::client(request, config, SEED, Duration::ZERO, out)
    }

    fn handshake(out: &[u8]) -> Vec<u8> {
        let request = Request::parse(out).expect("a request");
        let key = request.headers().get("Sec-WebSocket-Key").expect("a key");
        let accept = accept_key(key);
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes()
    }

    fn decide(_session: &mut Session<Self>, _now: Duration, _out: &mut Vec<u8>) {
        panic!("only servers are asked");
    }
}

impl<R: SessionEnd> Life<R> {
    /// Begins with an open transport, at time zero.
    pub(crate) fn begin(config: Config) -> Self {
        let mut out = Vec::new();
        let session = R::session(config, &mut out);
        Self { session, now: Duration::ZERO, out, log: Vec::new() }
    }

    /// Begins, and finishes the opening handshake. What it wrote is dropped.
    pub(crate) fn open(config: Config) -> Self {
        let mut life = Self::begin(config);
        life.read(&R::handshake(&life.out));
        assert_eq!(life.log.pop(), Some(SessionEvent::Open));
        assert!(life.log.is_empty() || life.log == [SessionEvent::Upgrade]);
        life.log = vec![SessionEvent::Open];
        life.out.clear();
        life
    }

    /// Reads; a request is accepted.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        self.read_deciding(bytes, R::decide);
    }

    /// Reads; on a request, does what `decide` does.
    pub(crate) fn read_deciding(
        &mut self,
        bytes: &[u8],
        decide: impl Fn(&mut Session<R>, Duration, &mut Vec<u8>),
    ) {
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        while let Some(event) = self.session.next_event(self.now, &mut input, &mut self.out) {
            let event = into_owned(event);
            if matches!(event, SessionEvent::Upgrade | SessionEvent::Http) {
                decide(&mut self.session, self.now, &mut self.out);
            }
            self.log.push(event);
            assert_order(&self.log);
        }
        assert!(input.is_empty(), "I1: input was left over");
    }

    /// Reads a frame of the peer.
    pub(crate) fn read_frame(&mut self, first: u8, payload: &[u8]) {
        self.read(&R::from_peer(first, payload));
    }

    /// The transport has ended.
    pub(crate) fn end_of_input(&mut self) {
        self.session.end_of_input(&mut self.out);
        self.read(&[]);
    }

    pub(crate) fn abort(&mut self) {
        let before = self.out.len();
        self.session.abort();
        self.read(&[]);
        assert_eq!(self.out.len(), before, "invariant 8: who aborts writes nothing");
    }

    pub(crate) fn close(&mut self, frame: Option<&CloseFrame<'_>>) -> Result<(), SendError> {
        let result = self.session.close(frame, self.now, &mut self.out);
        self.read(&[]);
        result
    }

    /// Lets the time be `now`.
    pub(crate) fn at(&mut self, now: Duration) {
        self.now = now;
        self.session.handle_timeout(now, &mut self.out);
        assert!(self.session.deadline().is_none_or(|at| at >= now), "a deadline in the past");
        self.read(&[]);
        assert!(self.session.deadline().is_none_or(|at| at >= now), "a deadline in the past");
    }

    /// Lets the time be that of the deadline.
    pub(crate) fn at_deadline(&mut self) {
        let deadline = self.session.deadline().expect("a deadline");
        self.at(deadline);
    }

    /// Takes what was written since the opening handshake.
    pub(crate) fn take_sent(&mut self) -> Vec<Sent> {
        sent(&core::mem::take(&mut self.out))
    }

    /// Checks that the session is over and stays so whatever is called, and returns how it ended.
    pub(crate) fn ended(mut self) -> CloseInfo {
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
        assert_eq!(self.session.transport(), Transport::Drop);
        assert_eq!(self.session.deadline(), None);
        assert_eq!(self.session.sender().map(drop), Err(SendError::Closed));
        info.clone()
    }
}

/// The order in which a session may report (objects and promises: I10).
pub(crate) fn assert_order(log: &[Seen]) {
    let place = |is: fn(&Seen) -> bool| log.iter().position(is);
    let count = |is: fn(&Seen) -> bool| log.iter().filter(|event| is(event)).count();
    let open = |event: &Seen| matches!(event, SessionEvent::Open);
    let error = |event: &Seen| matches!(event, SessionEvent::Error(_));
    let closed = |event: &Seen| matches!(event, SessionEvent::Closed(_));
    let received = |event: &Seen| matches!(event, SessionEvent::Received(_));
    let close = |event: &Seen| matches!(event, SessionEvent::Received(Event::Close(_)));
    let asked = |event: &Seen| matches!(event, SessionEvent::Upgrade | SessionEvent::Http);

    assert!(count(open) <= 1 && count(error) <= 1 && count(closed) <= 1, "{log:?}");
    assert!(count(asked) <= 1 && place(asked).is_none_or(|at| at == 0), "{log:?}");
    let first_received = place(received).unwrap_or(log.len());
    assert!(first_received == log.len() || place(open) == Some(first_received - 1), "{log:?}");
    if let Some(at) = place(closed) {
        assert_eq!(at, log.len() - 1, "Closed is last: {log:?}");
    }
    if let Some(at) = place(error) {
        assert!(log[at + 1..].iter().all(closed), "after an error only Closed: {log:?}");
    }
    if let Some(at) = place(close) {
        assert!(log[at + 1..].iter().all(closed), "after a Close only Closed: {log:?}");
    }
}

fn into_owned(event: SessionEvent<Event<'_>>) -> Seen {
    match event {
        SessionEvent::Upgrade => SessionEvent::Upgrade,
        SessionEvent::Http => SessionEvent::Http,
        SessionEvent::Open => SessionEvent::Open,
        SessionEvent::Received(event) => SessionEvent::Received(event.into_owned()),
        SessionEvent::Error(error) => SessionEvent::Error(error),
        SessionEvent::Closed(info) => SessionEvent::Closed(info),
    }
}
