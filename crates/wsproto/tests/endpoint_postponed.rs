//! A server's endpoint while the decision on a request is postponed.

use core::time::Duration;

use wsproto::handshake::{Accept, Response};
use wsproto::{Config, Endpoint, Event, Server, SessionError, SessionEvent};
use wsproto_testing::REQUEST;

const NOW: Duration = Duration::ZERO;

/// Reads, and returns the events; postpones every decision.
fn read(ws: &mut Endpoint<Server>, bytes: &[u8]) -> Vec<SessionEvent<Event<'static>>> {
    let (mut bytes, mut events) = (bytes.to_vec(), Vec::new());
    let mut input = &mut bytes[..];
    while let Some(event) = ws.next_event(NOW, &mut input) {
        if matches!(event, SessionEvent::Upgrade | SessionEvent::Http) {
            ws.postpone().expect("a request");
        }
        events.push(event.into_owned());
    }
    assert!(input.is_empty(), "I1: input was left over");
    events
}

fn asked(request: &[u8]) -> Endpoint<Server> {
    let mut ws = Endpoint::server(Config::default(), NOW);
    assert_eq!(read(&mut ws, request).len(), 1);
    assert!(ws.wants_read(), "the end may come");
    ws
}

// L22: a client that has left cannot be accepted.
#[test]
fn the_end_is_noticed() {
    let mut ws = asked(REQUEST);
    ws.end_of_input(NOW);
    let events = read(&mut ws, b"");
    assert!(
        matches!(
            &events[..],
            [SessionEvent::Error(SessionError::EndOfInput), SessionEvent::Closed(_)]
        ),
        "{events:?}"
    );
    assert!(ws.accept(&Accept::new(), NOW).is_err());
    assert_eq!(ws.unwritten(), 0);
}

// L22: one read is kept, and no more is wanted.
#[test]
fn input_behind_the_request_is_kept() {
    let mut ws = asked(REQUEST);
    assert!(read(&mut ws, b"\x81\x82\0\0\0\0Hi").is_empty());
    assert!(!ws.wants_read() && !ws.has_input());
    ws.accept(&Accept::new(), NOW).expect("an upgrade");
    assert!(ws.has_input());
    let events = read(&mut ws, b"");
    assert_eq!(events, [SessionEvent::Open, SessionEvent::Received(Event::Text("Hi".into()))]);
}

// L22: an ordinary request is answered although the client has ended its side.
#[test]
fn half_a_client_gets_its_response() {
    let mut ws = asked(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ws.end_of_input(NOW);
    assert!(read(&mut ws, b"").is_empty());
    assert!(!ws.wants_read());
    ws.respond(&Response::text(200, "well"), NOW).expect("a request");
    let events = read(&mut ws, b"");
    assert!(matches!(&events[..], [SessionEvent::Closed(_)]), "{events:?}");
    assert!(ws.pending().ends_with(b"well"));
}
