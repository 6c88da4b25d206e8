//! L19: decisions that are made later, in other threads.

#[path = "support/net.rs"]
mod net;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use net::{REQUEST, read_all, url};
use ws_std::wsproto::handshake::Response;
use ws_std::wsproto::{Config, SessionError};
use ws_std::{
    Decider, Decision, Error, IncomingRequest, Message, RunningServer, ServerHandle, ServerHandler,
    ServerOptions, WebSocketConnection, WebSocketServer, accept_with, connect,
};

type Handler = fn(&WebSocketConnection, Message);

/// Postpones every decision and passes it to the test.
struct PutsOff(Sender<Decider<Handler>>);

impl ServerHandler for PutsOff {
    type Handler = Handler;

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Handler> {
        let (decision, decider) = Decision::later();
        self.0.send(decider).expect("the test waits");
        decision
    }

    fn on_request(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Handler> {
        Decision::respond(Response::text(200, "well\n"))
    }
}

fn echo(ws: &WebSocketConnection, message: Message) {
    ws.send(message).expect("open");
}

fn start(handler: impl ServerHandler, config: Config) -> (RunningServer, String) {
    let options = ServerOptions::new().config(config);
    let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
    let address = server.local_addr().expect("an address").to_string();
    (server.spawn(handler).expect("a thread"), address)
}

fn end(server: RunningServer) {
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

fn ask(address: &str, request: &[u8]) -> String {
    let mut client = TcpStream::connect(address).expect("a server");
    client.write_all(request).expect("written");
    String::from_utf8(read_all(&mut client)).expect("text")
}

#[test]
fn forty_decisions_wait_at_once_and_hold_up_nobody() {
    const CLIENTS: usize = 40;
    let (to_test, deciders) = mpsc::channel();
    let (server, address) = start(PutsOff(to_test), Config::new());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let url = url(&address);
            thread::spawn(move || -> Result<_, Error> {
                let mut ws = connect(&url)?;
                ws.send("Hello")?;
                ws.recv()
            })
        })
        .collect();
    let waiting: Vec<_> = deciders.iter().take(CLIENTS).collect();
    assert!(waiting.iter().all(Decider::is_awaited), "all of them at once");
    let answer = ask(&address, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    for decider in waiting {
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            decider.decide(Decision::accept(echo));
        });
    }
    for client in clients {
        let echoed = client.join().expect("no panic").expect("accepted");
        assert_eq!(echoed, Some("Hello".into()));
    }
    end(server);
}

#[test]
fn a_decision_that_was_made_at_once_is_not_missed() {
    struct AtOnce;
    impl ServerHandler for AtOnce {
        type Handler = Handler;

        fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Handler> {
            let (decision, decider) = Decision::later();
            decider.decide(Decision::accept(echo as Handler));
            decision
        }
    }
    let (server, address) = start(AtOnce, Config::new().handshake_timeout(None));
    for _ in 0..50 {
        let mut ws = connect(&url(&address)).expect("accepted");
        ws.send("Hello").expect("open");
        assert_eq!(ws.recv().expect("an echo"), Some("Hello".into()));
    }
    end(server);
}

#[test]
fn a_decision_that_is_never_made_is_status_503() {
    let (to_test, deciders) = mpsc::channel();
    let (server, address) = start(PutsOff(to_test), Config::new());
    let client = thread::spawn(move || ask(&address, REQUEST));
    drop(deciders.recv().expect("a decision"));
    let answer = client.join().expect("no panic");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    end(server);
}

#[test]
fn the_deadline_of_the_handshake_goes_on() {
    let (to_test, deciders) = mpsc::channel();
    let config = Config::new().handshake_timeout(Some(Duration::from_millis(100)));
    let (server, address) = start(PutsOff(to_test), config);
    let answer = ask(&address, REQUEST);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let decider = deciders.recv().expect("a decision");
    while decider.is_awaited() {
        thread::yield_now();
    }
    // Too late, and harmless.
    decider.decide(Decision::accept(echo));
    end(server);
}

#[test]
fn a_single_stream_waits_for_a_decision_too() -> Result<(), Error> {
    for (timeout, decides) in [(None, true), (Some(Duration::from_millis(100)), false)] {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = url(&listener.local_addr()?.to_string());
        let (to_test, deciders) = mpsc::channel();
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept()?;
            accept_with(stream, Config::new().handshake_timeout(timeout), |_: &IncomingRequest| {
                let (decision, decider) = Decision::later();
                to_test.send(decider).expect("the test waits");
                decision
            })
        });
        let client = thread::spawn(move || connect(&url));
        let decider = deciders.recv().expect("a decision");
        let kept = if decides {
            decider.decide(Decision::accept(()));
            None
        } else {
            Some(decider)
        };
        let opened = server.join().expect("no panic");
        let connected = client.join().expect("no panic");
        if decides {
            assert!(opened?.is_some());
            connected?;
        } else {
            let timeout = Error::Session(SessionError::HandshakeTimeout).to_string();
            assert_eq!(opened.expect_err("too late").to_string(), timeout);
            assert!(matches!(connected, Err(Error::Http(response)) if response.status() == 503));
        }
        drop(kept);
    }
    Ok(())
}
