//! Shared code: refusals at every cut, encoded responses, and a server that waits for a decision.

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{RequestError, Response};
use wsproto::{Config, Event, Server, Session, SessionError, SessionEvent};

use crate::handshake_support::*;

pub(crate) fn refused(error: RequestError) -> SessionEvent<Event<'static>> {
    SessionEvent::Error(SessionError::Request(error))
}

/// Feeds a request that must be refused, at every cut, and checks the response.
#[track_caller]
pub(crate) fn assert_refused(config: &Config, input: &[u8], error: RequestError, status: u16) {
    let run = at_every_cut(input, |pieces| serve(config, pieces, accept));
    let shown = input.escape_ascii().to_string();
    assert_eq!(run.events, [refused(error), abnormal_end(Initiator::Local)], "{shown}");
    assert_eq!(run.transport, Advice::Shutdown);
    let answer = run.answer();
    answer.assert_refusal(status);
    assert_eq!(error.status(), status);
    assert_eq!(Answer::parse(&encoded(&error.response())), answer, "both ways give one response");
    assert!(!answer.body.is_empty(), "the response gives the reason");
}

pub(crate) fn encoded(response: &Response) -> Vec<u8> {
    let mut out = Vec::new();
    response.encode(&mut out);
    out
}

/// Returns a server that has read the whole input and waits for a decision.
pub(crate) fn asking(input: &[u8], event: &SessionEvent<Event<'_>>) -> Session<Server> {
    let mut session = Session::server(Config::default(), NOW);
    let mut out = Vec::new();
    assert_eq!(
        session.next_event(NOW, &mut &mut input.to_vec()[..], &mut out).as_ref(),
        Some(event)
    );
    assert_eq!(out, b"", "nothing is written before the decision");
    session
}
