//! Clients on a loop: all the ways in which a connection opens or does not, and the calls of its handler.

#[cfg(feature = "tls")]
#[path = "../../../ws-std/tests/support/identity.rs"]
mod identity;
mod opening;
mod proxies;
mod settings;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use support::{Log, Recorder, request};
use ws_mio::wsproto::ReadyState;
use ws_mio::wsproto::handshake::Response;
use ws_mio::{
    ClientOptions, Decision, EventLoop, IncomingRequest, Message, RunningServer, ServerHandle,
    ServerOptions, WebSocketConnection, WebSocketServer,
};

pub(crate) const SOON: Duration = Duration::from_millis(100);

pub(crate) const FINE: [&str; 3] = ["open", "message Hello", "terminate 1005"];

/// Begins a connection, lets `act` do something with it, and returns the calls of its handler.
pub(crate) fn attempt_with(
    url: &str,
    options: ClientOptions,
    act: impl FnOnce(WebSocketConnection) + Send + 'static,
) -> Vec<String> {
    let (mut event_loop, log) = (EventLoop::new().expect("a loop"), Log::default());
    let ws = event_loop.connect(request(url), options, Recorder(log.clone())).expect("a request");
    assert_eq!(ws.ready_state(), ReadyState::Connecting);
    assert!(ws.send("early").is_err());
    let (actor, same) = (
        thread::spawn({
            let ws = ws.clone();
            move || act(ws)
        }),
        ws,
    );
    event_loop.run().expect("events");
    actor.join().expect("no panic");
    assert_eq!(same.ready_state(), ReadyState::Closed);
    log.lines()
}

pub(crate) fn attempt(url: &str, options: ClientOptions) -> Vec<String> {
    attempt_with(url, options, |_| {})
}

/// Asserts that there was one error like this, and the end.
pub(crate) fn assert_fails(lines: &[String], error: &str) {
    assert!(
        matches!(lines, [first, last] if first.starts_with("error ") && first.contains(error)
            && last == "terminate 1006"),
        "{error}: {lines:?}"
    );
}

pub(crate) fn within(timeout: Duration) -> ClientOptions {
    let mut options = ClientOptions::default();
    options.connect_timeout = Some(timeout);
    options
}

/// Returns an address at which nobody listens.
pub(crate) fn dead() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address")
}

/// Listens, and calls `act` with each connection.
pub(crate) fn peer(act: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            act(stream.expect("a client"));
        }
    });
    address
}

/// Says hello, redirects from `/to?URL`, and closes after the answer.
pub(crate) fn site(options: ServerOptions) -> (RunningServer, SocketAddr) {
    let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
    let address = server.local_addr().expect("an address");
    let server = server.spawn(|_: &ServerHandle, request: &IncomingRequest| {
        if request.path() == "/to" {
            let to = request.query().expect("a URL");
            return Response::new(302).header("Location", to).expect("a header").into();
        }
        Decision::accept(|ws: &WebSocketConnection, message: Message| {
            ws.send(message).expect("open");
            ws.close(None).expect("open");
        })
    });
    (server.expect("a thread"), address)
}

/// Returns a listener that accepts nothing, and its URL.
pub(crate) fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    (listener, url)
}

/// Says hello when it can, which ends the connection in order.
pub(crate) fn greet(ws: &WebSocketConnection) {
    support::wait_until("it is open or closed", || ws.ready_state() != ReadyState::Connecting);
    // If it is closed, the log tells why.
    let _ = ws.send("Hello");
}
