//! The opening handshake: parsed heads, and the session after it.

use core::time::Duration;

use allocation_counter::measure;
use wsproto::handshake::{
    Accept, ClientRequest, HeadError, Request, RequestError, Response, ResponseError,
};
use wsproto::url::WsUrl;
use wsproto::{Config, Event, Server, Session, SessionError, SessionEvent};
use wsproto_testing::{End, SEED};

/// I5: a session keeps nothing of its opening handshake, nor of its end.
#[test]
fn an_idle_session_holds_nothing() {
    const NOW: Duration = Duration::ZERO;
    let config = std::sync::Arc::new(Config::default());
    let (mut to_server, mut to_client) = (Vec::with_capacity(4096), Vec::with_capacity(4096));
    let request = ClientRequest::new(WsUrl::parse("ws://localhost/").expect("a URL"));
    let mut client = Session::client(request, config.clone(), SEED, NOW, &mut to_server);

    let mut held = None;
    let info = measure(|| {
        let mut server = Session::server(config.clone(), NOW);
        let (front, back) = to_server.split_at_mut(30);
        let mut input = front;
        assert_eq!(server.next_event(NOW, &mut input, &mut to_client), None);
        let mut input = back;
        let event = server.next_event(NOW, &mut input, &mut to_client);
        assert_eq!(event, Some(SessionEvent::Upgrade));
        server.accept(&Accept::new(), NOW, &mut to_client).expect("a good request");
        let event = server.next_event(NOW, &mut input, &mut to_client);
        assert_eq!(event, Some(SessionEvent::Open));
        held = Some(server);
    });
    assert_eq!(info.bytes_current, 0, "an open server");
    let mut server = held.expect("just made");

    let mut input = &mut to_client[..];
    let event = client.next_event(NOW, &mut input, &mut to_server);
    assert_eq!(event, Some(SessionEvent::Open));
    assert!(client.take_response().is_some());
    let freed = measure(|| drop(client));
    assert_eq!(freed.count_current, 0, "an open client had nothing to free");

    let info = measure(|| {
        let mut close = Server::from_peer(0x88, b"\x03\xE8bye");
        let event = server.next_event(NOW, &mut &mut close[..], &mut to_client);
        assert!(matches!(event, Some(SessionEvent::Received(Event::Close(Some(_))))));
        server.end_of_input(&mut to_client);
        let event = server.next_event(NOW, &mut &mut [][..], &mut to_client);
        assert!(matches!(event, Some(SessionEvent::Closed(_))));
    });
    assert_eq!(info.bytes_current, 0, "a closed server");
}

/// An opening handshake takes few allocations beside the buffers of the caller: a head, and the state that a session
/// keeps until it is open; at a client, also the URL.
#[test]
fn an_opening_takes_few_allocations() {
    const NOW: Duration = Duration::ZERO;
    let config = std::sync::Arc::new(Config::default());
    let (mut to_server, mut to_client) = (Vec::with_capacity(4096), Vec::with_capacity(4096));
    let mut client = None;
    let begun = measure(|| {
        let request = ClientRequest::parse("ws://localhost/chat").expect("a URL");
        client = Some(Session::client(request, config.clone(), SEED, NOW, &mut to_server));
    });
    let server = measure(|| {
        let mut server = Session::server(config.clone(), NOW);
        let mut input = &mut to_server[..];
        let event = server.next_event(NOW, &mut input, &mut to_client);
        assert_eq!(event, Some(SessionEvent::Upgrade));
        server.accept(&Accept::new(), NOW, &mut to_client).expect("a good request");
        let event = server.next_event(NOW, &mut input, &mut to_client);
        assert_eq!(event, Some(SessionEvent::Open));
    });
    let mut client = client.expect("just made");
    let opened = measure(|| {
        let event = client.next_event(NOW, &mut &mut to_client[..], &mut to_server);
        assert_eq!(event, Some(SessionEvent::Open));
    });
    let counts = (server.count_total, begun.count_total + opened.count_total);
    assert_eq!(counts, (2, 3), "a server's and a client's");
}

/// A parsed head takes no more memory than its bytes, however many fields it has.
#[test]
fn parsed_heads_take_memory_in_proportion() {
    fn check(first_line: &str, parse: impl Fn(&[u8]) -> Option<usize>) {
        for fields in [1, 30] {
            let value = "v".repeat(6000 / fields);
            let more = format!("X: {value}\r\n").repeat(fields);
            let head = format!("{first_line}\r\nHost: h\r\n{more}\r\n");
            let mut parsed = None;
            let info = measure(|| parsed = parse(head.as_bytes()));
            assert_eq!(parsed, Some(fields + 1));
            let most = head.len() as u64;
            assert!(info.bytes_max <= most, "{} bytes for {most}", info.bytes_max);
        }
    }
    check("GET / HTTP/1.1", |head| Some(Request::parse(head).ok()?.headers().len()));
    check("HTTP/1.1 200 OK", |head| Some(Response::parse(head).ok()?.headers().len()));
}

/// I4: a head over the limit is not kept, even if all of it arrives in one read.
#[test]
fn a_head_over_the_limit_takes_no_memory() {
    const NOW: Duration = Duration::ZERO;
    const SIZE: usize = 1 << 20;
    let config = std::sync::Arc::new(Config::default());
    let value = "v".repeat(SIZE);
    let mut out = Vec::with_capacity(4096);

    let mut head = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {value}\r\n\r\n").into_bytes();
    let mut server = Session::server(config.clone(), NOW);
    let info = measure(|| {
        let event = server.next_event(NOW, &mut &mut head[..], &mut out);
        let error = SessionError::Request(RequestError::Head(HeadError::TooLong));
        assert_eq!(event, Some(SessionEvent::Error(error)));
    });
    assert!(info.bytes_max < config.max_head_size as u64, "{} bytes", info.bytes_max);

    let request = ClientRequest::parse("ws://localhost/").expect("a URL");
    let mut client = Session::client(request, config.clone(), SEED, NOW, &mut out);
    let mut head = format!("HTTP/1.1 403 Forbidden\r\nX: {value}\r\n\r\n").into_bytes();
    let info = measure(|| {
        let event = client.next_event(NOW, &mut &mut head[..], &mut out);
        let error = SessionError::Response(ResponseError::Head(HeadError::TooLong));
        assert_eq!(event, Some(SessionEvent::Error(error)));
    });
    assert!(info.bytes_max < config.max_head_size as u64, "{} bytes", info.bytes_max);
}
