//! Requests of a handler: Pongs, a Ping with a patience, pauses, timers, and messages to others.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use conformance::adapters::Adapter;
use ws_common::{
    ClientOptions, ConnectionHandler, Decision, Error, IncomingRequest, Message, ServerHandle,
    ServerHandler, ServerOptions, TimerId, WebSocketConnection,
};
use wsproto::{CloseCode, CloseInfo, KeepAlive, SessionError};

use crate::support::{
    Call, Calls, LONG, NEVER, Peer, address, connect, echo, end, frame, patient_client, serve,
    telling, wait_until,
};

/// Long enough for a call that must not come to come.
const A_WHILE: Duration = Duration::from_millis(100);

/// Reports its calls as lines, and obeys commands.
struct Reporter(Sender<String>);

impl Reporter {
    fn new() -> (Self, Receiver<String>) {
        let (to, lines) = mpsc::channel();
        (Self(to), lines)
    }

    fn tell(&self, line: impl Into<String>) {
        // Fails if the test no longer receives.
        let _ = self.0.send(line.into());
    }
}

impl ConnectionHandler for Reporter {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.tell("open");
        ws.set_timer(Duration::ZERO);
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        let Message::Text(text) = message else { return self.tell("binary") };
        if text == "pause" {
            ws.pause();
            ws.set_timer(A_WHILE);
        }
        self.tell(text);
    }

    fn on_ping(&mut self, _: &WebSocketConnection, payload: &[u8]) {
        self.tell(format!("ping {}", payload.escape_ascii()));
    }

    fn on_pong(&mut self, _: &WebSocketConnection, payload: &[u8]) {
        self.tell(format!("pong {}", payload.escape_ascii()));
    }

    fn on_timer(&mut self, ws: &WebSocketConnection, _: TimerId) {
        self.tell("timer");
        ws.resume();
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        self.tell(error.to_string());
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        self.tell(format!("end {}", u16::from(info.code)));
    }
}

fn next(lines: &Receiver<String>) -> String {
    lines.recv_timeout(LONG).expect("a call")
}

/// A server of one connection, and the handle of that.
fn one<S: Adapter>(
    options: ServerOptions,
) -> (ws_common::RunningServer, Peer, WebSocketConnection, Receiver<String>) {
    let (reporter, lines) = Reporter::new();
    let mut reporter = Some(reporter);
    let server = serve::<S, _>(options, move || reporter.take().expect("one connection"));
    let peer = Peer::open(address(&server));
    assert_eq!([next(&lines), next(&lines)], ["open", "timer"]);
    let ws = server.handle().connections().pop().expect("an open connection");
    (server, peer, ws, lines)
}

// M13: the Pong to a Ping of one's own.
pub(crate) fn a_handler_hears_of_pongs<S: Adapter, C: Adapter>() {
    let server = echo::<S>(ServerOptions::new());
    let (reporter, lines) = Reporter::new();
    let client = connect::<C>(address(&server), patient_client(), reporter).expect("it opens");
    assert_eq!([next(&lines), next(&lines)], ["open", "timer"]);
    client.ws.ping(b"are you there?").expect("open");
    assert_eq!(next(&lines), "pong are you there?");
    end(server);
    assert_eq!(next(&lines), "end 1006");
    client.join();
}

// M13: a Ping of the peer, which is answered without the handler.
pub(crate) fn a_handler_hears_of_pings<S: Adapter>() {
    let (server, mut peer, _, lines) = one::<S>(ServerOptions::new());
    peer.send([frame(0x89, b"a"), frame(0x81, b"text"), frame(0x89, &[])].concat());
    assert_eq!([next(&lines), next(&lines), next(&lines)], ["ping a", "text", "ping "]);
    assert_eq!([peer.frame(), peer.frame()], [(0x8A, b"a".to_vec()), (0x8A, vec![])]);
    end(server);
}

// M13: a Ping that finds out whether the peer is there.
pub(crate) fn a_ping_has_a_patience<S: Adapter>() {
    let (server, mut peer, ws, lines) = one::<S>(ServerOptions::new().keep_alive(None));
    ws.ping_within(NEVER).expect("open");
    let (first, number) = peer.frame();
    assert_eq!(first, 0x89);
    peer.send(frame(0x8A, &number));
    assert!(next(&lines).starts_with("pong "));
    wait_until("the round trip is known", || ws.round_trip().is_some());
    // Nobody answers this one.
    ws.ping_within(A_WHILE).expect("open");
    assert_eq!(next(&lines), SessionError::KeepAliveTimeout.to_string());
    assert_eq!(next(&lines), "end 1006");
    assert!(ws.ping_within(A_WHILE).is_err());
    end(server);
}

// M13
pub(crate) fn a_keep_alive_can_change<S: Adapter>() {
    let (server, mut peer, ws, lines) = one::<S>(ServerOptions::new().keep_alive(None));
    ws.set_keep_alive(Some(KeepAlive::new(Duration::from_millis(10), LONG)));
    for _ in 0..3 {
        let (first, number) = peer.frame();
        assert_eq!(first, 0x89);
        peer.send(frame(0x8A, &number));
        assert!(next(&lines).starts_with("pong "));
    }
    // From here on, nobody answers: the new patience is the one that counts.
    ws.set_keep_alive(Some(KeepAlive::new(Duration::from_millis(10), Duration::from_millis(10))));
    assert_eq!(next(&lines), SessionError::KeepAliveTimeout.to_string());
    assert_eq!(next(&lines), "end 1006");
    end(server);
}

// M14: nothing is given during a pause, nothing is lost, and the order stays.
pub(crate) fn a_handler_can_pause<S: Adapter>() {
    let (server, mut peer, ws, lines) = one::<S>(ServerOptions::new().max_message_size(16 << 20));
    let frames = ["pause", "1", "2"].map(|text| frame(0x81, text.as_bytes()));
    peer.send(frames.concat());
    let rest: Vec<_> = (0..4).map(|_| next(&lines)).collect();
    assert_eq!(rest, ["pause", "timer", "1", "2"]);
    // From another thread, with more than sockets hold; a resumed reader reads on.
    ws.pause();
    let big = 8 << 20;
    let mut writer = Peer::new(peer.0.try_clone().expect("a socket"));
    let writing = std::thread::spawn(move || writer.send(frame(0x82, &vec![0; big])));
    ws.set_timer(A_WHILE);
    assert_eq!(next(&lines), "timer");
    assert_eq!(next(&lines), "binary");
    writing.join().expect("no panic");
    // And while output waits for a peer that reads nothing.
    ws.send(vec![0; big]).expect("open");
    ws.pause();
    peer.send(frame(0x81, b"3"));
    ws.set_timer(A_WHILE);
    assert_eq!([next(&lines), next(&lines)], ["timer", "3"]);
    assert_eq!(peer.frame(), (0x82, vec![0; big]));
    // A Close ends a pause.
    ws.pause();
    ws.close(None).expect("open");
    assert_eq!(peer.frame(), (0x88, vec![]));
    peer.send(frame(0x88, &[]));
    assert_eq!(next(&lines), "end 1005");
    end(server);
}

// M12: timers of a connection: in order, unless cancelled, up to its end.
pub(crate) fn timers_of_a_connection<S: Adapter, C: Adapter>() {
    struct Timed(Vec<TimerId>, Sender<Vec<TimerId>>);

    impl ConnectionHandler for Timed {
        fn on_open(&mut self, ws: &WebSocketConnection) {
            let [late, early] = [A_WHILE, Duration::ZERO].map(|after| ws.set_timer(after));
            assert!(ws.cancel_timer(ws.set_timer(Duration::ZERO)));
            ws.set_timer(Duration::MAX);
            self.0 = vec![early, late];
        }

        fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

        fn on_timer(&mut self, ws: &WebSocketConnection, timer: TimerId) {
            assert!(!ws.cancel_timer(timer), "it has expired");
            assert_eq!(self.0.remove(0), timer);
            if self.0.is_empty() {
                ws.close(None).expect("open");
                ws.set_timer(NEVER);
            }
        }

        fn on_terminate(&mut self, ws: &WebSocketConnection, _: &CloseInfo) {
            // It never expires.
            ws.set_timer(Duration::ZERO);
            // Fails if the test no longer receives.
            let _ = self.1.send(std::mem::take(&mut self.0));
        }
    }

    let (to, left) = mpsc::channel();
    let server = serve::<S, _>(ServerOptions::new(), || |_: &_, _| {});
    let client = connect::<C>(address(&server), patient_client(), Timed(Vec::new(), to));
    client.expect("it opens").join();
    assert_eq!(left.recv_timeout(LONG).expect("the end"), []);
    end(server);
}

// M12: "log in within ...": the timers of each connection are its own.
pub(crate) fn who_does_not_log_in_is_closed<S: Adapter>() {
    /// Its time to log in, and whether it has.
    struct Login(Duration, bool);

    impl ConnectionHandler for Login {
        fn on_open(&mut self, ws: &WebSocketConnection) {
            ws.set_timer(self.0);
        }

        fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
            self.1 = true;
            ws.send(message).expect("open");
            ws.set_timer(Duration::ZERO);
        }

        fn on_timer(&mut self, ws: &WebSocketConnection, _: TimerId) {
            if self.1 {
                return drop(ws.send("welcome"));
            }
            ws.terminate(CloseCode::POLICY_VIOLATION, "log in").expect("a code that may be sent");
        }
    }

    let mut times = [A_WHILE, NEVER].into_iter();
    let login = move || Login(times.next().expect("two connections"), false);
    let server = serve::<S, _>(ServerOptions::new(), login);
    let mut late = Peer::open(address(&server));
    let mut good = Peer::open(address(&server));
    good.echoes();
    assert_eq!(good.frame(), (0x81, b"welcome".to_vec()));
    assert_eq!(late.frame(), (0x88, b"\x03\xF0log in".to_vec()));
    end(server);
}

/// A server's handler with timers.
struct Clock(Vec<TimerId>, Sender<&'static str>);

impl ServerHandler for Clock {
    type Handler = fn(&WebSocketConnection, Message);

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Self::Handler> {
        Decision::accept(|_, _| {})
    }

    fn on_open(&mut self, server: &ServerHandle) {
        let [late, early] = [A_WHILE, Duration::ZERO].map(|after| server.set_timer(after));
        assert!(server.cancel_timer(server.set_timer(Duration::ZERO)));
        server.set_timer(Duration::MAX);
        self.0 = vec![early, late];
    }

    fn on_timer(&mut self, _: &ServerHandle, timer: TimerId) {
        let expected = (!self.0.is_empty()).then(|| self.0.remove(0));
        assert!(expected.is_none_or(|expected| expected == timer));
        self.1.send(if expected.is_some() { "own" } else { "other" }).expect("the test waits");
    }

    fn on_terminate(&mut self, server: &ServerHandle) {
        server.set_timer(Duration::ZERO);
        self.1.send("end").expect("the test waits");
    }
}

// M12
pub(crate) fn timers_of_a_server<S: Adapter>() {
    let (to, calls) = mpsc::channel();
    let server = S::serve(ServerOptions::new(), Clock(Vec::new(), to)).expect("a free port");
    let next = || calls.recv_timeout(LONG).expect("a call");
    assert_eq!([next(), next()], ["own", "own"]);
    // From another thread, while nothing else wakes the server.
    for _ in 0..3 {
        server.handle().set_timer(Duration::from_millis(1));
        assert_eq!(next(), "other");
    }
    end(server);
    assert_eq!(next(), "end");
    assert!(calls.try_recv().is_err());
}

// M18: a server says why it ends.
pub(crate) fn a_server_ends_with_a_code<S: Adapter, C: Adapter>() {
    let server = serve::<S, _>(ServerOptions::new(), || |_: &_, _| {});
    let (to, calls) = Calls::new();
    let client = connect::<C>(address(&server), ClientOptions::new(), telling(to));
    let client = client.expect("it opens");
    calls.opened();
    let handle = server.handle();
    for code in [CloseCode::NO_STATUS, CloseCode::ABNORMAL, CloseCode::MANDATORY_EXTENSION] {
        assert!(handle.terminate_with(code, "", None).is_err(), "{code}");
    }
    assert!(!handle.is_ending(), "nothing ends on an error");
    let restart = CloseCode::SERVICE_RESTART;
    handle.terminate_with(restart, "back in a minute", None).expect("a code of servers");
    // The first reason counts.
    handle.terminate(None);
    let (info, _) = calls.ended();
    assert_eq!((info.code, info.reason.as_str()), (restart, "back in a minute"));
    client.join();
    server.join();
}

// M19: to all but the sender.
pub(crate) fn a_message_goes_to_all_others<S: Adapter, C: Adapter>() {
    let server = serve::<S, _>(ServerOptions::new(), || {
        |ws: &WebSocketConnection, message: Message| {
            if message == "join".into() {
                ws.subscribe("room").expect("open");
                ws.send("joined").expect("open");
            } else {
                let to_room = ws.publish("room", "to the room");
                let to_all = ws.broadcast("to all");
                let counts = format!("{} {}", to_room.sent, to_all.sent);
                ws.send(counts).expect("open");
            }
        }
    });
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (to, calls) = Calls::new();
            let client = connect::<C>(address(&server), ClientOptions::new(), telling(to));
            calls.opened();
            (client.expect("it opens"), calls)
        })
        .collect();
    let message = |calls: &Calls| match calls.next() {
        Call::Message(Message::Text(text)) => text,
        other => panic!("{other:?}"),
    };
    let [(first, first_calls), (second, second_calls), (_, third_calls)] = &clients[..] else {
        panic!("three clients");
    };
    for (client, calls) in [(first, first_calls), (second, second_calls)] {
        client.ws.send("join").expect("open");
        assert_eq!(message(calls), "joined");
    }
    first.ws.send("tell").expect("open");
    assert_eq!(message(first_calls), "1 2");
    assert_eq!([message(second_calls), message(second_calls)], ["to the room", "to all"]);
    assert_eq!(message(third_calls), "to all");
    // A client's connection has no others.
    assert_eq!((first.ws.broadcast("?").sent, first.ws.publish("room", "?").sent), (0, 0));
    end(server);
    clients.into_iter().for_each(|(client, _)| client.join());
}

// M19, M23: what a connection sends to others is counted as what a server sends.
pub(crate) fn others_that_do_not_read_are_counted<S: Adapter>() {
    let server = serve::<S, _>(ServerOptions::new(), || {
        |ws: &WebSocketConnection, message: Message| {
            ws.subscribe("room").expect("open");
            if message == "flood".into() {
                let big = "x".repeat(1 << 20);
                let full = |refused: usize| refused == 1;
                while !full(ws.broadcast(big.as_str()).refused.len()) {}
                while !full(ws.publish("room", big.as_str()).refused.len()) {}
            }
            ws.send("done").expect("open");
        }
    });
    let mut deaf = Peer::open(address(&server));
    deaf.send(frame(0x81, b"join"));
    assert_eq!(deaf.frame(), (0x81, b"done".to_vec()));
    let mut first = Peer::open(address(&server));
    first.send(frame(0x81, b"flood"));
    assert_eq!(first.frame(), (0x81, b"done".to_vec()));
    assert_eq!(server.handle().stats().broadcasts_refused, 2);
    end(server);
}
