//! The engine in loops of other make: what no other test of the engine's names. The numbers are those of
//! `faults.txt`.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use wsproto::handshake::{Accept, ClientRequest};
use wsproto::url::WsUrl;
use wsproto::{Client, Config, Endpoint, Event, Role, Server, Session, SessionEvent};

const NOW: Duration = Duration::ZERO;

// fault-E10: for code that is generic over the role.
#[allow(dead_code, reason = "it compiles")]
fn of_any_role<R: Role>() {
    fn is<T: Send + Sync + Unpin>() {}
    is::<Session<R>>();
    is::<Endpoint<R>>();
}

#[test]
fn sessions_of_any_role_are_sync_and_unpin() {
    of_any_role::<Client>();
    of_any_role::<Server>();
}

// fault-E6: in the handshake there is one response, and then nothing, however much more comes.
#[test]
fn a_handshake_has_one_response() {
    let mut endpoint = Endpoint::server(Config::new(), NOW);
    let mut responses = Vec::new();
    for _ in 0..100 {
        let mut bytes = *b"\n\n";
        let mut input = &mut bytes[..];
        while endpoint.next_event(NOW, &mut input).is_some() {}
        let pending = endpoint.pending().to_vec();
        endpoint.wrote(pending.len(), NOW);
        responses.extend(pending);
    }
    let text = String::from_utf8(responses).expect("a head");
    assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{text}");
}

/// Hands what one end has to write to the other.
fn carry<A: Role, B: Role>(from: &Mutex<Endpoint<A>>, to: &Mutex<Endpoint<B>>) -> Vec<String> {
    let mut from = from.lock().expect("no panic");
    let mut bytes = from.pending().to_vec();
    from.wrote(bytes.len(), NOW);
    drop(from);
    let (mut input, mut texts) = (&mut bytes[..], Vec::new());
    let mut to = to.lock().expect("no panic");
    while let Some(event) = to.next_event(NOW, &mut input) {
        match event {
            SessionEvent::Received(Event::Text(text)) => texts.push(text.into_owned()),
            // It is answered before anything else is asked for.
            SessionEvent::Upgrade => break,
            _ => {}
        }
    }
    texts
}

// fault-E5: two threads share an endpoint behind a lock: one sends, and the other carries.
#[test]
fn two_threads_share_an_endpoint() {
    const MESSAGES: usize = 1000;

    let request = ClientRequest::new(WsUrl::parse("ws://a/").expect("a URL"));
    let client = Mutex::new(Endpoint::client(request, Config::new(), [7; 32], NOW));
    let server = Mutex::new(Endpoint::server(Config::new(), NOW));
    carry(&client, &server);
    server.lock().expect("no panic").accept(&Accept::new(), NOW).expect("a request");
    carry(&server, &client);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..MESSAGES {
                client.lock().expect("no panic").send_text(number.to_string()).expect("open");
            }
        });
        let mut received = Vec::new();
        while received.len() < MESSAGES {
            received.extend(carry(&client, &server));
            carry(&server, &client);
            thread::yield_now();
        }
        assert!((0..MESSAGES).map(|number| number.to_string()).eq(received));
    });
}
