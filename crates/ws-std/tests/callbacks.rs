//! Handlers of both ends: when they are called, what they may do, and what a panic does. `S3-..` are the
//! items of the object model, `X..` its decisions.

#[path = "support/net.rs"]
mod net;

use std::io::Write;
use std::net::TcpListener;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use net::{open_by_hand, read_all, site, url, yes};
use ws_std::wsproto::{CloseCode, CloseInfo, Config, ReadyState, Server};
use ws_std::{
    ConnectionHandler, Error, Message, WebSocket, WebSocketConnection, accept_with, connect,
};

/// Logs its calls. It answers `marco` with `polo`, closes at `bye`, and panics in the call it is told to.
struct Recorder {
    name: &'static str,
    log: Log,
    panic_in: &'static str,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn recorder(&self, name: &'static str) -> Recorder {
        Recorder { name, log: self.clone(), panic_in: "" }
    }

    fn of(&self, name: &str) -> Vec<String> {
        let lines = self.0.lock().expect("no panic");
        lines.iter().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect()
    }
}

impl Recorder {
    fn note(&self, call: &str, what: impl std::fmt::Display) {
        self.log.0.lock().expect("no panic").push(format!("{}{call}{what}", self.name));
        assert_ne!(call, self.panic_in, "as you wish");
    }
}

impl ConnectionHandler for Recorder {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        assert_eq!(ws.ready_state(), ReadyState::Open);
        self.note("open", "");
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        let Message::Text(text) = message else { panic!("{message:?}") };
        self.note("message", format!(" {text}"));
        match &*text {
            "marco" => drop(ws.send("polo").expect("open")),
            "bye" => ws.terminate(4001.into(), "as you wish").expect("a private code"),
            _ => {}
        }
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        self.note("error", format!(": {error}"));
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        assert_eq!(ws.ready_state(), ReadyState::Closed);
        assert!(ws.send("late").is_err());
        self.note("terminate", format!(" {} {:?}", info.code, info.reason));
    }
}

/// Runs the server's end of one connection, in a thread.
fn server_running<T: Send + 'static>(
    run: impl FnOnce(WebSocket<Server>) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        run(accept_with(stream, Config::default(), yes).expect("a request").expect("an upgrade"))
    });
    (address, server)
}

#[test]
fn the_same_handler_carries_both_ends() -> Result<(), Error> {
    // S3-4, S3-5, S3-7, S3-8, S2-14, S2-15, S2-17
    let log = Log::default();
    let there = log.recorder("server ");
    let (address, server) = server_running(move |ws| ws.run(there));
    let ws = connect(&url(&address))?;
    let handle = ws.handle();
    for text in ["one", "marco", "bye"] {
        handle.send(text)?;
    }
    let here = ws.run(log.recorder("client "));
    let there = server.join().expect("no panic");
    assert_eq!((here.code, &*here.reason, here.was_clean), (4001.into(), "as you wish", true));
    assert_eq!((there.code, &*there.reason, there.was_clean), (4001.into(), "as you wish", true));
    assert_eq!(log.of("client "), ["open", "message polo", "terminate 4001 \"as you wish\""]);
    assert_eq!(
        log.of("server "),
        ["open", "message one", "message marco", "message bye", "terminate 4001 \"as you wish\""]
    );
    Ok(())
}

#[test]
fn an_error_comes_once_and_the_end_after_it() {
    // S3-6, S3-7, S3-8, X9
    let log = Log::default();
    let there = log.recorder("");
    let (address, server) = server_running(move |ws| ws.run(there));
    let mut client = open_by_hand(&address);
    client.write_all(b"\x81\x82\0\0\0\0hi\x83\x80\0\0\0\0\x81\x82\0\0\0\0no").expect("written");
    assert_eq!(read_all(&mut client), b"\x88\x02\x03\xEA");
    drop(client);
    assert_eq!(server.join().expect("no panic").code, CloseCode::ABNORMAL);
    assert_eq!(
        log.of(""),
        ["open", "message hi", "error: reserved opcode", "terminate 1006 Abnormal Closure \"\""]
    );
}

#[test]
fn nothing_is_called_if_there_is_no_connection() {
    // S3-1, X8: there is no object to hand a handler to
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let log = Log::default();
    let ran = connect(&url(&address)).map(|ws| ws.run(log.recorder("")));
    assert!(ran.is_err());
    assert_eq!(log.of(""), [""; 0]);
}

/// Passes its handle to the test in the first call.
struct HandOver(Sender<WebSocketConnection>, Sender<Message>);

impl ConnectionHandler for HandOver {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.0.send(ws.clone()).expect("a receiver");
    }

    fn on_message(&mut self, _: &WebSocketConnection, message: Message) {
        self.1.send(message).expect("a receiver");
    }
}

#[test]
fn other_threads_send_by_the_handle() -> Result<(), Error> {
    // S1-2, S3-11, S3-12: a handler owns its state; other threads use the handle
    let (address, _requests) = site(yes);
    let (to_handle, handles) = mpsc::channel();
    let (to_message, messages) = mpsc::channel();
    let ws = connect(&url(&address))?;
    let client = thread::spawn(move || ws.run(HandOver(to_handle, to_message)));
    let handle = handles.recv().expect("it is open");
    let senders: Vec<_> = (0..4)
        .map(|number| {
            let handle = handle.clone();
            thread::spawn(move || handle.send(format!("from {number}")).map(drop))
        })
        .collect();
    let mut received: Vec<_> = messages.iter().take(4).collect();
    for sender in senders {
        sender.join().expect("no panic")?;
    }
    received.sort_by_key(|message| message.as_bytes().to_vec());
    assert_eq!(received, [0, 1, 2, 3].map(|number| Message::from(format!("from {number}"))));
    handle.terminate(CloseCode::NORMAL, "done")?;
    let info = client.join().expect("no panic");
    assert_eq!((info.code, &*info.reason, info.was_clean), (CloseCode::NORMAL, "done", true));
    Ok(())
}

#[test]
fn a_panic_closes_with_1011_and_is_passed_on() -> Result<(), Error> {
    for (panic_in, code) in [
        ("open", CloseCode::INTERNAL_ERROR),
        ("message", CloseCode::INTERNAL_ERROR),
        // The connection is over by then.
        ("terminate", 4001.into()),
    ] {
        for client_panics in [true, false] {
            let log = Log::default();
            let mut recorder = log.recorder("");
            recorder.panic_in = panic_in;
            let (address, server) = server_running(move |mut ws| {
                if client_panics { Ok(peer(&mut ws)) } else { run_and_catch(ws, recorder) }
            });
            let mut ws = connect(&url(&address))?;
            let mut recorder = log.recorder("");
            recorder.panic_in = panic_in;
            let here = if client_panics { run_and_catch(ws, recorder) } else { Ok(peer(&mut ws)) };
            let there = server.join().expect("caught");
            let (panicked, peer) = if client_panics { (here, there) } else { (there, here) };
            assert!(panicked.expect_err("a panic").contains("as you wish"), "{panic_in}");
            let info = peer.expect("no panic");
            assert_eq!((info.code, info.was_clean), (code, true), "{panic_in}");
            // The panic was in the last call.
            let calls = log.of("");
            assert!(calls.last().is_some_and(|call| call.starts_with(panic_in)), "{calls:?}");
        }
    }
    Ok(())
}

#[test]
fn a_panic_over_an_error_is_passed_on_too() {
    let log = Log::default();
    let mut recorder = log.recorder("");
    recorder.panic_in = "error";
    let (address, server) = server_running(move |ws| run_and_catch(ws, recorder));
    let mut client = open_by_hand(&address);
    client.write_all(b"\x83\x80\0\0\0\0").expect("written");
    // The peer broke a rule, and its Close says so.
    assert_eq!(read_all(&mut client), b"\x88\x02\x03\xEA");
    drop(client);
    let panicked = server.join().expect("caught").expect_err("a panic");
    assert!(panicked.contains("as you wish"), "{panicked}");
    assert_eq!(log.of(""), ["open", "error: reserved opcode"]);
}

fn run_and_catch<R: wsproto::Role + Send>(
    ws: WebSocket<R>,
    handler: Recorder,
) -> Result<CloseInfo, String> {
    let ran = panic::catch_unwind(AssertUnwindSafe(|| ws.run(handler)));
    ran.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

/// The other end: says `bye` and waits to be closed.
fn peer<R: wsproto::Role>(ws: &mut WebSocket<R>) -> CloseInfo {
    // Fails if the connection is closed.
    let _ = ws.send("bye");
    ws.wait_closed().expect("an orderly end").clone()
}
