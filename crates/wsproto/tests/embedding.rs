//! Rules for loops of other make that no other file is about.

use core::time::Duration;
use std::sync::{Arc, Mutex};
use std::thread;

use wsproto::handshake::{Accept, ClientRequest};
use wsproto::{
    Client, Config, Endpoint, Event, Outbox, ReadyState, Role, Server, Session, SessionEvent,
};

const NOW: Duration = Duration::ZERO;

/// fault-E10
#[test]
fn sessions_of_any_role_are_sync_and_unpin() {
    fn check<T: Send + Sync + Unpin + 'static>() {}
    fn check_role<R: Role>() {
        check::<Session<R>>();
        check::<Endpoint<R>>();
    }
    check_role::<Server>();
    check_role::<Client>();
    check::<Outbox>();
}

/// Returns a server's endpoint whose opening handshake is done, with everything written.
fn open_server() -> Endpoint<Server> {
    let mut ws = Endpoint::server(Config::new(), NOW);
    let request = ClientRequest::new("ws://localhost/".parse().expect("a URL"));
    let mut client = Endpoint::client(request, Config::new(), [7; 32], NOW);
    let mut request = client.pending().to_vec();
    let mut input = &mut request[..];
    while let Some(event) = ws.next_event(NOW, &mut input) {
        if let SessionEvent::Upgrade = event {
            ws.accept(&Accept::new(), NOW).expect("a request waits");
        }
    }
    ws.wrote(ws.unwritten(), NOW);
    assert_eq!(ws.ready_state(), ReadyState::Open);
    ws
}

/// fault-E5: keep-alive, closing and the order of events stay, with two threads on one endpoint.
#[test]
fn two_threads_share_an_endpoint_behind_a_lock() {
    const EACH: usize = 200;
    let ws = Arc::new(Mutex::new(open_server()));
    let sender = Arc::clone(&ws);
    let sending = thread::spawn(move || {
        for _ in 0..EACH {
            sender.lock().expect("no panic").send_text("sent").expect("open");
        }
    });
    let mut received = 0;
    for _ in 0..EACH {
        // A masked Ping with an empty payload, and a Text message in two frames.
        let mut bytes = *b"\x89\x80\0\0\0\0\x01\x81\0\0\0\0a\x80\x81\0\0\0\0b";
        let mut input = &mut bytes[..];
        let mut ws = ws.lock().expect("no panic");
        while let Some(event) = ws.next_event(NOW, &mut input) {
            if let SessionEvent::Received(Event::Text(text)) = event {
                assert_eq!(text, "ab");
                received += 1;
            }
        }
    }
    sending.join().expect("no panic");
    assert_eq!(received, EACH);

    let mut ws = ws.lock().expect("no panic");
    let mut output = Vec::new();
    while !ws.pending().is_empty() {
        let pending = ws.pending().to_vec();
        ws.wrote(pending.len(), NOW);
        output.extend(pending);
    }
    // Whole frames, in any order.
    let (mut texts, mut pongs, mut rest) = (0, 0, &output[..]);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(b"\x81\x04sent") {
            (texts, rest) = (texts + 1, after);
        } else {
            rest = rest.strip_prefix(b"\x8a\x00").expect("a Text or a Pong");
            pongs += 1;
        }
    }
    assert_eq!((texts, pongs), (EACH, EACH));
}

/// fault-E6: whatever arrives during the opening handshake, a server appends one response.
#[test]
fn a_handshake_appends_one_response() {
    for start in ["\n\n", "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nA\r\n\r\n"] {
        let mut ws = Endpoint::server(Config::new(), NOW);
        let mut appended = Vec::new();
        for _ in 0..100 {
            let mut bytes = start.repeat(10).into_bytes();
            let mut input = &mut bytes[..];
            while ws.next_event(NOW, &mut input).is_some() {}
            let pending = ws.pending().to_vec();
            ws.wrote(pending.len(), NOW);
            appended.extend(pending);
        }
        let text = String::from_utf8(appended).expect("a response in ASCII");
        assert!(text.starts_with("HTTP/1.1 400 "), "{start:?}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{start:?}: {text}");
        assert_ne!(ws.ready_state(), ReadyState::Connecting, "{start:?}");
    }
}

/// L6: a loop that counts events keeps the rest of a read for the connection's next turn.
#[test]
fn deferred_input_is_taken_first() {
    let mut ws = open_server();
    let mut bytes = *b"\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b\x81\x81\0\0\0\0c";
    let mut input = &mut bytes[..];
    let is = |event: Option<SessionEvent<Event<'_>>>, expected: &str| matches!(event, Some(SessionEvent::Received(Event::Text(text))) if text == expected);
    assert!(is(ws.next_event(NOW, &mut input), "a"));
    ws.defer_input(&mut input);
    assert!(input.is_empty() && ws.has_input() && !ws.wants_read());
    assert!(is(ws.next_event(NOW, &mut &mut [][..]), "b"));
    assert!(ws.has_input() && !ws.wants_read());
    assert!(is(ws.next_event(NOW, &mut &mut [][..]), "c"));
    assert_eq!(ws.next_event(NOW, &mut &mut [][..]), None);
    assert!(!ws.has_input() && ws.wants_read());
}

/// L1: a server pauses for its replies, and not for what another thread sends while it answers.
#[test]
fn a_program_may_say_what_is_a_reply() {
    for replying in [true, false] {
        let mut ws = open_server();
        let mut bytes = *b"\x81\x81\0\0\0\0a";
        let mut input = &mut bytes[..];
        assert!(ws.next_event(NOW, &mut input).is_some());
        ws.set_replying(replying);
        ws.send_binary(vec![0; 1 << 20]).expect("open");
        assert_eq!(ws.wants_read(), !replying);
        ws.set_replying(!replying);
        assert!(ws.has_room(), "each kind has its own");
    }
}
