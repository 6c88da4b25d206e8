//! Clients that leave before a postponed decision.

use std::io::Write;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use conformance::adapters::Adapter;
use ws_common::{Cancel, ClientOptions, Decision, ServerOptions};
use wsproto::Config;
use wsproto::handshake::{ClientRequest, Response};

use crate::identity::Identity;
use crate::later::{ECHO, hesitant};
use crate::support::{LONG, Peer, address, end, frame, upgrade, wait_until};

/// How many places a server has.
const PLACES: usize = 5;

/// A server that waits for its decisions without a limit.
fn patient() -> ServerOptions {
    ServerOptions::from(Config::new().handshake_timeout(None)).max_connections(PLACES)
}

// L22: however a client leaves, its place is free and the decision too late.
pub(crate) fn a_client_that_leaves_is_noticed<S: Adapter>() {
    let (server, deciders) = hesitant::<S>(patient());
    for number in 0..4 * PLACES {
        let mut peer = Peer::connect(address(&server));
        peer.send(upgrade("/", ""));
        let (_, decider) = deciders.recv_timeout(LONG).expect("there is room");
        if number % 2 == 0 {
            drop(peer);
        } else {
            peer.reset();
        }
        wait_until("nobody waits", || !decider.is_awaited());
        assert!(!decider.decide(Decision::accept(ECHO)));
    }
    end(server);
}

// L22: the same with TLS, where the end may be preceded by an alert.
pub(crate) fn a_client_with_tls_that_leaves_is_noticed<S: Adapter>() {
    let identity = Identity::new();
    let (server, deciders) = hesitant::<S>(patient().tls(identity.server()));
    let url = format!("wss://localhost:{}/", address(&server).port());
    for _ in 0..2 * PLACES {
        let request = ClientRequest::parse(&url).expect("a URL");
        let cancel = Cancel::new();
        let options = ClientOptions::new().tls(identity.client()).cancel(cancel.clone());
        let client = thread::spawn(move || ws_std::connect_with(request, options).is_err());
        let (_, decider) = deciders.recv_timeout(LONG).expect("there is room");
        cancel.cancel();
        assert!(client.join().expect("no panic"));
        wait_until("nobody waits", || !decider.is_awaited());
    }
    end(server);
}

/// Returns a connection on which the TLS handshake is done.
fn secured(peer: &mut Peer, identity: &Identity) -> rustls::ClientConnection {
    let mut tls = identity.client().begin("localhost").expect("a name");
    while tls.is_handshaking() {
        tls.complete_io(&mut peer.0).expect("a server");
    }
    tls
}

// L22: the end arrives in one piece with the request.
pub(crate) fn a_client_that_leaves_with_its_request_is_noticed<S: Adapter>() {
    let (server, deciders) = hesitant::<S>(patient());
    for _ in 0..PLACES {
        let mut peer = Peer::connect(address(&server));
        peer.send(upgrade("/", ""));
        peer.0.shutdown(Shutdown::Write).expect("open");
        let (_, decider) = deciders.recv_timeout(LONG).expect("there is room");
        wait_until("nobody waits", || !decider.is_awaited());
    }
    end(server);
}

// L22: the same with TLS, where an alert is the end, with or without one of the stream.
pub(crate) fn a_client_with_tls_that_leaves_with_its_request_is_noticed<S: Adapter>() {
    let identity = Identity::new();
    let (server, deciders) = hesitant::<S>(patient().tls(identity.server()));
    for number in 0..4 * PLACES {
        let mut peer = Peer::connect(address(&server));
        let mut tls = secured(&mut peer, &identity);
        tls.writer().write_all(upgrade("/", "").as_bytes()).expect("it is kept");
        let (alert, shut) = (number % 4 != 1, number % 2 == 1);
        if alert {
            tls.send_close_notify();
        }
        let mut records = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut records).expect("memory");
        }
        peer.send(records);
        if shut {
            peer.0.shutdown(Shutdown::Write).expect("open");
        }
        let (_, decider) = deciders.recv_timeout(LONG).expect("there is room");
        wait_until("nobody waits", || !decider.is_awaited());
    }
    end(server);
}

// L22: input behind the request stays, and a client that has ended only its own side gets its answer.
pub(crate) fn a_client_that_still_waits_gets_its_answer<S: Adapter>() {
    let (server, deciders) = hesitant::<S>(patient());
    let mut early = Peer::connect(address(&server));
    early.send([upgrade("/", "").as_bytes(), &frame(0x81, b"one")].concat());
    let (_, connection) = deciders.recv_timeout(LONG).expect("it is asked");
    early.send(frame(0x81, b"two"));
    early.send(frame(0x81, b"three"));

    let mut page = Peer::connect(address(&server));
    page.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
    page.0.shutdown(Shutdown::Write).expect("open");
    let (_, response) = deciders.recv_timeout(LONG).expect("it is asked");

    // If their ends were seen, they would be by now.
    thread::sleep(Duration::from_millis(100));
    assert!(connection.decide(Decision::accept(ECHO)));
    assert!(early.head().starts_with("HTTP/1.1 101 "));
    for text in ["one", "two", "three"] {
        assert_eq!(early.frame(), (0x81, text.into()));
    }
    assert!(response.decide(Response::text(200, "a page").into()));
    let response = String::from_utf8(page.rest().expect("no reset")).expect("text");
    assert!(response.starts_with("HTTP/1.1 200 ") && response.ends_with("a page"), "{response}");
    end(server);
}
