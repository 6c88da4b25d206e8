//! Settings that an application makes while a client connects.

use std::thread;
use std::time::Duration;

use ws_mio::wsproto::handshake::Response;
use ws_mio::wsproto::{KeepAlive, ReadyState};
use ws_mio::{
    ClientOptions, ConnectionHandler, Decision, EventLoop, IncomingRequest, Message, ServerHandle,
    ServerOptions, WebSocketConnection, WebSocketServer,
};

use crate::support::{self, Log, Recorder, request};
use crate::{FINE, SOON};

/// Says hello at once.
struct Hello;

impl ConnectionHandler for Hello {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        ws.send("Hello").expect("open");
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}
}

// M13, M14: settings made before there is a transport, or before a redirect, hold for the connection.
#[test]
fn a_pause_and_a_keep_alive_may_be_set_while_connecting() {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address");
    let server = server.spawn(|_: &ServerHandle, request: &IncomingRequest| {
        if request.path() == "/to" {
            return Response::new(302).header("Location", "/").expect("a header").into();
        }
        Decision::accept(Hello)
    });
    let server = server.expect("a thread");
    for path in ["/", "/to"] {
        let (mut event_loop, log) = (EventLoop::new().expect("a loop"), Log::default());
        let url = request(&format!("ws://{address}{path}"));
        let options = ClientOptions::new().redirects(1);
        let ws = event_loop.connect(url, options, Recorder(log.clone())).expect("a request");
        ws.pause();
        let often = Duration::from_millis(10);
        ws.set_keep_alive(Some(KeepAlive::new(often, support::LONG)));
        let (paused, lines) = (ws.clone(), log.clone());
        let acting = thread::spawn(move || {
            support::wait_until("it is open", || paused.ready_state() == ReadyState::Open);
            thread::sleep(SOON);
            assert_eq!(lines.lines(), ["open"], "it is paused");
            paused.resume();
            support::wait_until("a Pong", || paused.round_trip().is_some());
            paused.close(None).expect("open");
        });
        event_loop.run().expect("events");
        acting.join().expect("no panic");
        assert_eq!(log.lines(), FINE);
    }
    server.handle().terminate(None);
    server.join();
}
