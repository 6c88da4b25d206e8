//! What a turn publishes to connections of another loop. That loop does not run meanwhile: it is marked as asleep, and
//! a wake-up removes the mark.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;

use ws_common::TimerId;
use wsproto::CloseInfo;

use super::*;

/// Acts on each message, timer and end of a connection. Says before and after whether the other loop sleeps.
struct Acting {
    act: fn(&ServerHandle),
    to: ServerHandle,
    other: Arc<Shared>,
    says: mpsc::Sender<bool>,
}

impl Acting {
    fn act(&self) {
        (self.act)(&self.to);
        self.says.send(self.other.is_asleep()).expect("a receiver");
        assert!(!self.to.connections().is_empty(), "a message for a panic");
    }
}

impl ConnectionHandler for Acting {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        if message == Message::from("timer") {
            ws.set_timer(Duration::ZERO);
        } else {
            self.act();
            assert_ne!(message, Message::from("panic"), "the handler ends so");
        }
    }

    fn on_timer(&mut self, _: &WebSocketConnection, _: TimerId) {
        self.act();
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        if info.is_normal() {
            self.act();
        }
    }
}

/// A loop with a server and a connection.
struct Served {
    event_loop: EventLoop,
    events: Events,
    server: ServerHandle,
    peer: TcpStream,
}

impl Served {
    fn begin(handler: impl ServerHandler, config: Config) -> Self {
        let mut event_loop = EventLoop::new().expect("a loop");
        let options = ServerOptions::from(config.keep_alive(None));
        let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
        let address: SocketAddr = server.local_addr().expect("an address");
        let server = event_loop.serve(server, handler).expect("a listener");
        let mut peer = TcpStream::connect(address).expect("a server");
        peer.write_all(REQUEST).expect("written");
        let mut served = Self { event_loop, events: Events::with_capacity(EVENTS), server, peer };
        while served.server.connections().is_empty() {
            served.round();
        }
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(0);
            served
                .peer
                .read_exact(head.last_mut().map(std::slice::from_mut).expect("a byte"))
                .expect("a head");
        }
        served
    }

    fn round(&mut self) {
        assert!(self.event_loop.round(&mut self.events).expect("events"));
    }

    fn is_asleep(&self) -> bool {
        self.event_loop.shared.is_asleep()
    }
}

/// Sends `input` to a server whose handler acts, and lets its loop run until it has. Expects that the other loop slept
/// afterwards, or not; and that `output` is then written to the other loop's connection.
fn turn(act: fn(&ServerHandle), input: &[u8], sleeps: bool, output: &[u8]) {
    turn_with(Config::new(), act, input, sleeps, output);
}

fn turn_with(config: Config, act: fn(&ServerHandle), input: &[u8], sleeps: bool, output: &[u8]) {
    let ignore = |_: &_, _: &_| Decision::accept(|_: &WebSocketConnection, _: Message| {});
    let mut other = Served::begin(ignore, config);
    let (says, said) = mpsc::channel();
    let (to, shared) = (other.server.clone(), Arc::clone(&other.event_loop.shared));
    let mut own = Served::begin(
        move |_: &_, _: &_| {
            let (to, other, says) = (to.clone(), Arc::clone(&shared), says.clone());
            Decision::accept(Acting { act, to, other, says })
        },
        Config::new(),
    );
    let holders = Arc::strong_count(&other.event_loop.shared);
    assert!(other.event_loop.shared.fall_asleep(), "all messages were read");
    own.peer.write_all(input).expect("written");
    let slept = loop {
        own.round();
        if let Ok(slept) = said.try_recv() {
            break slept;
        }
    };
    assert_eq!(slept, sleeps, "within the turn");
    assert!(!other.is_asleep(), "the end of the turn wakes it");
    // The connection with the handler may have ended.
    assert!(Arc::strong_count(&other.event_loop.shared) <= holders, "the turn keeps nothing");
    other.round();
    let mut written = vec![0; output.len()];
    other.peer.read_exact(&mut written).expect("written");
    assert!(written == output, "{written:?}");
}

fn publish(server: &ServerHandle) {
    assert_eq!(server.broadcast("a").sent, 1);
    assert_eq!(server.broadcast("b").sent, 1);
}

const MESSAGE: &[u8] = b"\x81\x81\0\0\0\0m";
const PUBLISHED: &[u8] = b"\x81\x01a\x81\x01b";

#[test]
fn the_end_of_the_turn_wakes_the_other_loop() {
    turn(publish, MESSAGE, true, PUBLISHED);
    // Two messages of one turn.
    turn(publish, &MESSAGE.repeat(2), true, &PUBLISHED.repeat(2));
    turn(publish, b"\x81\x85\0\0\0\0timer", true, PUBLISHED);
    turn(publish, b"\x88\x82\0\0\0\0\x03\xE8", true, PUBLISHED);
}

#[test]
fn a_panic_ends_a_turn_as_well() {
    turn(publish, b"\x81\x85\0\0\0\0panic", true, PUBLISHED);
}

#[test]
fn what_is_sent_wakes_at_once_and_keeps_its_place() {
    fn send(server: &ServerHandle) {
        publish(server);
        server.connections()[0].send("c").expect("it is open");
        assert_eq!(server.broadcast("d").sent, 1);
    }
    turn(send, MESSAGE, false, b"\x81\x01a\x81\x01b\x81\x01c\x81\x01d");
    fn close(server: &ServerHandle) {
        publish(server);
        server.connections()[0].close(None).expect("it is open");
        assert_eq!(server.broadcast("late").sent, 0);
    }
    turn(close, MESSAGE, false, b"\x81\x01a\x81\x01b\x88\x00");
}

#[test]
fn another_thread_is_in_no_turn() {
    fn from_another(server: &ServerHandle) {
        publish(server);
        thread::scope(|scope| {
            let publishing = scope.spawn(|| server.broadcast("c").sent);
            assert_eq!(publishing.join().expect("no panic"), 1);
        });
    }
    turn(from_another, MESSAGE, false, b"\x81\x01a\x81\x01b\x81\x01c");
}

#[test]
fn much_output_does_not_wait() {
    // A quarter of the high-water mark is six of these frames, and no more.
    fn publish_six(server: &ServerHandle) {
        (0..6).for_each(|_| assert_eq!(server.broadcast("a").sent, 1));
    }
    fn publish_seven(server: &ServerHandle) {
        publish_six(server);
        assert_eq!(server.broadcast("a").sent, 1);
    }
    let config = || Config::new().high_water_mark(6 * 3 * 4);
    turn_with(config(), publish_six, MESSAGE, true, &b"\x81\x01a".repeat(6));
    turn_with(config(), publish_seven, MESSAGE, false, &b"\x81\x01a".repeat(7));
}

#[test]
fn nothing_waits_outside_of_turns() {
    let ignore = |_: &_, _: &_| Decision::accept(|_: &WebSocketConnection, _: Message| {});
    let served = Served::begin(ignore, Config::new());
    assert!(served.event_loop.shared.fall_asleep());
    publish(&served.server);
    assert!(!served.is_asleep());
}
