//! Decisions: accepting, refusing, subprotocols.

use std::io::Read;

use conformance::adapters::Adapter;
use wsproto::handshake::AllowedOrigins;

use crate::actors::serve;
use crate::raw;

/// S4-3, S4-14, X7.
pub(crate) fn refusals_have_their_status<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|options| {
        options.path = Some("/chat".into());
        options.origins = AllowedOrigins::new(["https://good.example"]).ok();
    });
    let ask = |target: &str, origin: &str| {
        let request = running.request(target).origin(origin).expect("an origin");
        match running.try_connect::<C>(request) {
            Ok((client, _)) => {
                client.ws.close(None).expect("open");
                client.join();
                101
            }
            Err(refused) => refused.status.expect("a status"),
        }
    };
    assert_eq!(ask("/chat?x", "https://good.example"), 101);
    assert_eq!(ask("/chat/", "https://good.example"), 404);
    assert_eq!(ask("/chat", "https://evil.example"), 403);
    let lines = running.end();
    assert_eq!(lines.iter().filter(|line| line.starts_with("connection")).count(), 1, "{lines:?}");

    let running = serve::<S>(|_| {});
    let refused = running.try_connect::<C>(running.request("/private")).map(drop);
    assert_eq!(refused.expect_err("refused").status, Some(401));
    let lines = running.end();
    assert_eq!(lines.iter().filter(|line| *line == "open").count(), 0, "{lines:?}");
}

pub(crate) fn pages_are_served<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(raw::status::<S>(running.address(), &get("/health")), 200);
    assert_eq!(raw::status::<S>(running.address(), &get("/nothing")), 426);
    assert_eq!(raw::status::<S>(running.address(), "POST / HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
    let (client, log) = running.connect::<C>("/");
    client.ws.send("Hello").expect("open");
    log.wait(1, "message Hello");
    client.ws.close(None).expect("open");
    client.join();
    running.end();
}

/// S2-8, S2-4: the server's preference decides; a client whose subprotocols are not selected fails.
pub(crate) fn a_subprotocol_is_agreed_upon<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let offer = |names: &[&str]| {
        let request = running.request("/");
        names.iter().fold(request, |request, name| request.subprotocol(name).expect("a token"))
    };
    let (client, _) = running.try_connect::<C>(offer(&["chat.v1", "chat.v2"])).expect("it opens");
    assert_eq!(client.ws.subprotocol().as_deref(), Some("chat.v2"));
    running.log.wait(1, "open");
    let [connection] = &running.handle().connections()[..] else { panic!("one connection") };
    assert_eq!(connection.subprotocol().as_deref(), Some("chat.v2"));
    let peer = connection.peer_addr().expect("an address");
    assert_eq!(peer.ip(), running.address().ip(), "the same host");
    client.ws.close(None).expect("open");
    client.join();

    let (client, _) = running.try_connect::<C>(offer(&[])).expect("it opens");
    assert_eq!(client.ws.subprotocol(), None);
    client.ws.close(None).expect("open");
    client.join();
    assert!(running.try_connect::<C>(offer(&["other"])).is_err());
    running.end();
}

pub(crate) fn more_connections_than_allowed_are_refused<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|options| options.max_connections = Some(1));
    let (client, _) = running.connect::<C>("/");
    let mut second = raw::connect::<S>(running.address());
    let mut answer = [0; 12];
    second.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 503");
    client.ws.close(None).expect("open");
    client.join();
    // The permit is free once the server has seen the end.
    let client = loop {
        if let Ok((client, _)) = running.try_connect::<C>(running.request("/")) {
            break client;
        }
    };
    client.ws.close(None).expect("open");
    client.join();
    running.end();
}
