//! Shared code: requests, the accepting response, and checks of a response at every cut.

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{ClientRequest, ResponseError};
use wsproto::url::WsUrl;
use wsproto::{Config, Event, SessionError, SessionEvent};

use crate::handshake_support::*;

pub(crate) fn to(url: &str) -> ClientRequest {
    ClientRequest::new(WsUrl::parse(url).expect("a valid URL"))
}

/// A request without any options.
pub(crate) fn plain() -> ClientRequest {
    to("ws://server.example.com/chat")
}

/// The response that accepts the client's key.
pub(crate) fn good() -> Head {
    Head::response(&expected_accept())
}

pub(crate) fn failed(error: ResponseError) -> SessionEvent<Event<'static>> {
    SessionEvent::Error(SessionError::Response(error))
}

/// Feeds a response that must be refused, at every cut.
#[track_caller]
pub(crate) fn assert_failed(request: &ClientRequest, input: &[u8], error: ResponseError) -> Run {
    let run = at_every_cut(input, |pieces| connect(&Config::default(), request, pieces));
    let shown = input.escape_ascii().to_string();
    let initiator = match &error {
        // A status is the server's refusal; any other error is ours.
        ResponseError::Status(_) => Initiator::Remote,
        _ => Initiator::Local,
    };
    assert_eq!(run.events, [failed(error), abnormal_end(initiator)], "{shown}");
    assert_eq!(run.out, b"", "nothing is sent to such a server");
    run
}

/// Feeds a response that must be accepted, at every cut, with a frame after it.
#[track_caller]
pub(crate) fn assert_opened(request: &ClientRequest, head: &Head) -> Run {
    let input = head.then(HELLO);
    let run = at_every_cut(&input, |pieces| connect(&Config::default(), request, pieces));
    let hello = SessionEvent::Received(Event::Text("Hello".into()));
    let shown = input.escape_ascii().to_string();
    assert_eq!(run.events, [SessionEvent::Open, hello, abnormal_end(Initiator::Remote)], "{shown}");
    assert_eq!(run.transport, Advice::KeepOpen);
    assert_eq!(run.out, b"");
    run
}

/// Returns the error text with which a response fails the connection, at every cut.
pub(crate) fn why_failed(request: &ClientRequest, input: &[u8]) -> String {
    let run = at_every_cut(input, |pieces| connect(&Config::default(), request, pieces));
    match &run.events[..] {
        [SessionEvent::Error(error), SessionEvent::Closed(_)] => error.to_string(),
        other => panic!("{other:?}"),
    }
}
