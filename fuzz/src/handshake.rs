//! Heads of both types: the result does not depend on the cuts, and responses are complete.

use std::time::Duration;

use wsproto::handshake::{Accept, ClientRequest};
use wsproto::url::WsUrl;
use wsproto::{Advice, Config, Event, ReadyState, Role, Session, SessionError, SessionEvent};
use wsproto_testing::Cuts;

/// Arbitrary bytes to a server: accepted, answered or refused, with the same result for every cut,
/// and a refusal is a complete response.
pub fn handshake_server(data: &[u8]) {
    let [seed, wire @ ..] = data else { return };
    let mut config = Config::default();
    config.max_head_size = 1024;
    config.max_headers = 20;
    let run = |parts: &mut dyn Iterator<Item = &[u8]>| {
        let session = Session::server(config.clone(), Duration::ZERO);
        drive(session, Vec::new(), parts, |session, out| {
            session.accept(&Accept::new(), Duration::ZERO, out).expect("a valid upgrade");
        })
    };
    let whole = run(&mut [wire].into_iter());
    assert_eq!(whole, run(&mut wire.chunks(1)));
    assert_eq!(whole, run(&mut Cuts::from_seed(*seed).cut(wire)));

    let (events, out) = whole;
    let refused = |event: &Seen| matches!(event, SessionEvent::Error(SessionError::Request(_)));
    if events.iter().any(refused) {
        let head_end = out.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(out[..head_end].to_vec()).expect("a head is ASCII");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        let body = out.len() - head_end - 4;
        // The response to HEAD has the length of a body that does not follow (RFC 9110 section
        // 9.3.2).
        let wire = wire.strip_prefix(b"\r\n").unwrap_or(wire);
        assert!(body == length || body == 0 && wire.starts_with(b"HEAD "));
    }
}

/// Arbitrary bytes to a client: accepted or refused, with the same result for every cut.
pub fn handshake_client(data: &[u8]) {
    let [seed, wire @ ..] = data else { return };
    let mut config = Config::default();
    config.max_head_size = 1024;
    config.max_body_size = 64;
    let run = |parts: &mut dyn Iterator<Item = &[u8]>| {
        let url = WsUrl::parse("ws://localhost/").expect("a URL");
        let request = ClientRequest::new(url).subprotocol("chat").expect("a subprotocol");
        let mut out = Vec::new();
        // The seed whose key the corpus answers.
        let session = Session::client(request, config.clone(), [7; 32], Duration::ZERO, &mut out);
        drive(session, out, parts, |_, _| unreachable!("a client is not asked"))
    };
    let whole = run(&mut [wire].into_iter());
    assert_eq!(whole, run(&mut wire.chunks(1)));
    assert_eq!(whole, run(&mut Cuts::from_seed(*seed).cut(wire)));
}

type Seen = SessionEvent<Event<'static>>;

/// Drives a session to its end. Returns its events and its output.
fn drive<R: Role>(
    mut session: Session<R>,
    mut out: Vec<u8>,
    parts: &mut dyn Iterator<Item = &[u8]>,
    accept: impl Fn(&mut Session<R>, &mut Vec<u8>),
) -> (Vec<Seen>, Vec<u8>) {
    let mut events = Vec::new();
    let mut next = |session: &mut Session<R>, input: &mut &mut [u8], out: &mut Vec<u8>| {
        let Some(event) = session.next_event(Duration::ZERO, input, out) else { return false };
        events.push(event.clone().into_owned());
        match event {
            SessionEvent::Upgrade => accept(session, out),
            SessionEvent::Received(Event::Text(text)) => {
                // After its Close, a peer gets no replies any more.
                let _ = session.sender().map(|sender| sender.send_text(&text, out));
            }
            _ => {}
        }
        true
    };
    for part in parts {
        let mut bytes = part.to_vec();
        let mut input = &mut bytes[..];
        while next(&mut session, &mut input, &mut out) {}
        assert!(input.is_empty(), "I1: input was left over");
    }
    session.flushed(Duration::ZERO);
    while next(&mut session, &mut &mut [][..], &mut out) {}
    session.end_of_input(&mut out);
    session.flushed(Duration::ZERO);
    while next(&mut session, &mut &mut [][..], &mut out) {}
    assert_eq!(session.advice(), Advice::Drop);
    assert_eq!(session.ready_state(), ReadyState::Closed);
    let closed = |event: &&Seen| matches!(event, SessionEvent::Closed(_));
    assert_eq!(events.iter().filter(closed).count(), 1, "I10");
    assert!(events.last().as_ref().is_some_and(closed), "I10");
    (events, out)
}
