//! Sessions that begin open.

use std::time::Duration;

use wsproto::handshake::{Agreed, Extension};
use wsproto::{
    Advice, Client, CloseCode, Config, Endpoint, Event, KeepAlive, ReadyState, Role, Server,
    Session, SessionEvent,
};
use wsproto_testing::SEED;

use crate::handshake_support::{HELLO, HELLO_MASKED, NOW};

fn begins_open<R: Role>(role: R, hello: &[u8]) {
    let mut agreed = Agreed::default();
    agreed.subprotocol = Some("chat".into());
    agreed.extensions = vec![Extension::new("foo").expect("a token")];
    let mut session = Session::opened(role, Config::default(), agreed, NOW);
    assert_eq!((session.ready_state(), session.advice()), (ReadyState::Open, Advice::KeepOpen));
    assert_eq!((session.subprotocol(), session.extensions().len()), (Some("chat"), 1));
    assert!(session.request().is_none() && session.response().is_none());

    let mut out = Vec::new();
    let mut bytes = hello.to_vec();
    let mut input = &mut bytes[..];
    assert_eq!(session.next_event(NOW, &mut input, &mut out), Some(SessionEvent::Open));
    let text = session.next_event(NOW, &mut input, &mut out);
    assert_eq!(text, Some(SessionEvent::Received(Event::Text("Hello".into()))));
    assert_eq!(session.next_event(NOW, &mut input, &mut out), None);

    session.close(None, NOW, &mut out).expect("open");
    session.flushed(NOW);
    session.end_of_input(&mut out);
    let Some(SessionEvent::Closed(info)) = session.next_event(NOW, &mut &mut [][..], &mut out)
    else {
        panic!("the end")
    };
    assert_eq!((info.code, info.was_clean), (CloseCode::ABNORMAL, false));
}

/// R8441-5-4: the stream acts as the connection of HTTP/1 does after its handshake: it is open, and
/// its first bytes are a frame, masked only by the client.
#[test]
fn a_session_can_begin_open() {
    begins_open(Server, HELLO_MASKED);
    begins_open(Client::from_seed(SEED), HELLO);
}

/// R8441-5-4: masking is as in HTTP/1.
#[test]
fn a_client_masks_what_it_sends_on_any_stream() {
    let agreed = Agreed::default;
    let mut client = Session::opened(Client::from_seed(SEED), Config::default(), agreed(), NOW);
    let mut out = Vec::new();
    client.sender().expect("open").send_text("Hello", &mut out).expect("open");
    assert_eq!(out[..2], [0x81, 0x85]);
    let mut server = Session::opened(Server, Config::default(), agreed(), NOW);
    let mut input = &mut out[..];
    assert_eq!(server.next_event(NOW, &mut input, &mut Vec::new()), Some(SessionEvent::Open));
    let text = server.next_event(NOW, &mut input, &mut Vec::new());
    assert_eq!(text, Some(SessionEvent::Received(Event::Text("Hello".into()))));
}

/// The time before the opening counts for nothing: there is no deadline but that of the keep-alive.
#[test]
fn the_keep_alive_begins_with_the_session() {
    let now = Duration::from_secs(100);
    let session = Session::opened(Server, Config::default(), Agreed::default(), now);
    assert_eq!(session.deadline(), None);
    let every = Duration::from_secs(5);
    let config = Config::new().keep_alive(Some(KeepAlive::new(every, every)));
    let mut session = Session::opened(Server, config, Agreed::default(), now);
    assert_eq!(session.deadline(), Some(now + every));
    let mut out = Vec::new();
    session.handle_timeout(now + every, &mut out);
    assert_eq!(out[0], 0x89, "a Ping");
}

/// An endpoint takes over a session that begins open.
#[test]
fn an_endpoint_can_begin_open() {
    let session = Session::opened(Server, Config::default(), Agreed::default(), NOW);
    let mut endpoint = Endpoint::new(session, Vec::new());
    endpoint.send_text("first").expect("open before it is reported");
    assert!(endpoint.wants_read());
    let mut bytes = [HELLO_MASKED, b"\x88\x80\0\0\0\0"].concat();
    let mut input = &mut bytes[..];
    let mut events = Vec::new();
    while let Some(event) = endpoint.next_event(NOW, &mut input) {
        events.push(event.into_owned());
    }
    assert_eq!(endpoint.pending(), b"\x81\x05first\x88\x00");
    endpoint.wrote(endpoint.unwritten(), NOW);
    while let Some(event) = endpoint.next_event(NOW, &mut &mut [][..]) {
        events.push(event.into_owned());
    }
    assert_eq!(events[0], SessionEvent::Open);
    assert_eq!(events[1], SessionEvent::Received(Event::Text("Hello".into())));
    assert_eq!(events[2], SessionEvent::Received(Event::Close(None)));
    assert!(matches!(&events[3..], [SessionEvent::Closed(info)] if info.was_clean));
}
