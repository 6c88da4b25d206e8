//! Decisions that are made later.

use std::io::ErrorKind;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use conformance::adapters::{Adapter, Refused};
use ws_common::{
    ClientOptions, Decider, Decision, IncomingRequest, Message, RunningServer, ServerHandle,
    ServerHandler, ServerOptions, TrustedProxies, WebSocketConnection,
};
use wsproto::Config;
use wsproto::handshake::Response;

use crate::support::{
    LONG, Peer, address, connect, end, in_time, patient_client, request, upgrade, wait_until,
};

pub(crate) type Echo = fn(&WebSocketConnection, Message);

pub(crate) const ECHO: Echo = |ws, message| drop(ws.send(message));

/// Answers `/health` itself, and postpones all other decisions.
struct Hesitant(Sender<(String, Decider<Echo>)>);

impl ServerHandler for Hesitant {
    type Handler = Echo;

    fn on_connection(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Echo> {
        let (decision, decider) = Decision::later();
        self.0.send((request.target().to_owned(), decider)).expect("the test waits");
        decision
    }

    fn on_request(&mut self, server: &ServerHandle, request: &IncomingRequest) -> Decision<Echo> {
        match request.path() {
            "/health" => Response::text(200, "well\n").into(),
            _ => self.on_connection(server, request),
        }
    }
}

pub(crate) fn hesitant<S: Adapter>(
    options: ServerOptions,
) -> (RunningServer, Receiver<(String, Decider<Echo>)>) {
    let (decider, deciders) = mpsc::channel();
    (S::serve(options, Hesitant(decider)).expect("a free port"), deciders)
}

const MANY: usize = 40;

// L19: forty decisions are pending at once, and other requests are answered meanwhile.
pub(crate) fn decisions_that_take_time_hold_up_nobody<S: Adapter, C: Adapter>() {
    let (server, deciders) = hesitant::<S>(ServerOptions::new());
    let to = address(&server);
    let (echo, echoed) = mpsc::channel();
    let clients: Vec<_> = (0..MANY)
        .map(|number| {
            let echo = echo.clone();
            thread::spawn(move || {
                let handler = move |_: &WebSocketConnection, message| {
                    echo.send(message).expect("the test waits");
                };
                C::connect(request(to, &format!("/{number}")), patient_client(), handler)
            })
        })
        .collect();
    let waiting: Vec<_> =
        (0..MANY).map(|_| deciders.recv_timeout(LONG).expect("it is asked")).collect();
    // No client is admitted yet; other requests are answered.
    assert!(server.handle().connections().is_empty());
    assert_eq!(get(&server, "/health"), "HTTP/1.1 200 OK");
    // Decide in any thread and any order.
    let deciding = thread::spawn(|| {
        for (_, decider) in waiting.into_iter().rev() {
            assert!(decider.is_awaited());
            assert!(decider.decide(Decision::accept(ECHO)));
        }
    });
    let opened: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().expect("no panic").expect("it opens"))
        .collect();
    deciding.join().expect("no panic");
    for client in &opened {
        client.ws.send("Hello").expect("open");
        assert_eq!(echoed.recv_timeout(LONG), Ok("Hello".into()));
    }
    for client in opened {
        client.ws.close(None).expect("open");
        client.join();
    }
    end(server);
}

fn get(server: &RunningServer, path: &str) -> String {
    let mut peer = Peer::connect(address(server));
    peer.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    peer.head().lines().next().expect("a status").to_owned()
}

fn refused<C: Adapter>(
    server: &RunningServer,
    deciders: &Receiver<(String, Decider<Echo>)>,
    decide: impl FnOnce(Decider<Echo>),
) -> Refused {
    let to = address(server);
    let client = thread::spawn(move || connect::<C>(to, ClientOptions::new(), |_: &_, _| {}));
    decide(deciders.recv_timeout(LONG).expect("it is asked").1);
    client.join().expect("no panic").expect_err("refused")
}

// L19: every other answer, and no answer.
pub(crate) fn decisions_may_be_anything<S: Adapter, C: Adapter>() {
    let (server, deciders) = hesitant::<S>(ServerOptions::new());
    let status = |decide: fn(Decider<Echo>)| refused::<C>(&server, &deciders, decide).status;
    assert_eq!(status(|decider| assert!(decider.decide(Decision::decline()))), Some(403));
    let unauthorized = |decider: Decider<Echo>| {
        assert!(decider.decide(Response::text(401, "no\n").into()));
    };
    assert_eq!(status(unauthorized), Some(401));
    let refusal = refused::<C>(&server, &deciders, |decider| {
        assert!(!decider.decide(Decision::later().0));
    });
    assert_eq!(refusal.status, Some(503), "{refusal:?}");
    assert_eq!(status(drop), Some(503));

    // An HTTP response.
    let to = address(&server);
    let page = thread::spawn(move || {
        let mut peer = Peer::connect(to);
        peer.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
        peer.head()
    });
    let (target, decider) = deciders.recv_timeout(LONG).expect("it is asked");
    assert_eq!(target, "/page");
    assert!(decider.decide(Response::html("<p>").into()));
    assert!(page.join().expect("no panic").starts_with("HTTP/1.1 200 "));
    end(server);
}

// L19: the handshake deadline still applies.
pub(crate) fn decisions_have_a_deadline<S: Adapter, C: Adapter>() {
    let soon = std::time::Duration::from_millis(200);
    let config = Config::new().handshake_timeout(Some(soon));
    let (server, deciders) = hesitant::<S>(config.into());
    let mut kept = None;
    let refusal = refused::<C>(&server, &deciders, |decider| {
        wait_until("nobody waits", || !decider.is_awaited());
        kept = Some(decider);
    });
    assert_eq!(refusal.status, Some(503), "{refusal:?}");
    drop(kept);
    end(server);
}

// L19
pub(crate) fn decisions_end_with_the_server<S: Adapter>() {
    let (server, deciders) = hesitant::<S>(Config::new().handshake_timeout(None).into());
    let mut peer = Peer::connect(address(&server));
    peer.send(upgrade("/", ""));
    let (_, decider) = deciders.recv_timeout(LONG).expect("it is asked");
    in_time("the end", || end(server));
    wait_until("nobody waits", || !decider.is_awaited());
}

// L19, M6: what has not opened ends with the server, however far it is.
pub(crate) fn handshakes_end_with_the_server<S: Adapter>() {
    for (proxied, sent) in [
        (false, &b""[..]),
        (false, b"GET / HTTP/1.1\r\n"),
        (true, b"PROXY TCP4"),
        (true, b"PROXY UNKNOWN\r\nGET"),
    ] {
        let options = ServerOptions::new().handshake_timeout(None);
        let proxies = TrustedProxies::new(["127.0.0.1"]).expect("an address");
        let (server, _deciders) = hesitant::<S>(match proxied {
            true => options.trusted_proxies(proxies.proxy_protocol()),
            false => options,
        });
        let mut peer = Peer::connect(address(&server));
        peer.send(sent);
        wait_until("it is admitted", || server.handle().stats().connections == 1);
        end(server);
        match peer.rest() {
            Ok(answer) => assert_eq!(answer, b"", "no answer"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
    }
}
