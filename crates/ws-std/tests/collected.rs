//! Output that is collected while input that was already read holds further messages.

#[path = "support/net.rs"]
mod net;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;

use net::{open_by_hand, yes};
use ws_std::wsproto::{Config, Server};
use ws_std::{
    Decision, Message, SendStatus, ServerOptions, WebSocket, WebSocketConnection, WebSocketServer,
    accept_with,
};

/// Several masked text messages of one digit each, as one write; the key is zero.
fn digits(all: &str) -> Vec<u8> {
    all.bytes().flat_map(|digit| [0x81, 0x81, 0, 0, 0, 0, digit]).collect()
}

/// Reads a message of one byte from the server.
fn read_digit(stream: &mut TcpStream) -> char {
    let mut frame = [0; 3];
    stream.read_exact(&mut frame).expect("a message");
    assert_eq!(frame[..2], [0x81, 1]);
    frame[2].into()
}

/// Starts a server that calls `on_message`. Returns a raw connection to it.
fn serve(
    on_message: impl FnMut(&WebSocketConnection, Message) + Send + Clone + 'static,
) -> TcpStream {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::default()).expect("a port");
    let address = server.local_addr().expect("an address").to_string();
    let decide = move |_: &_, _: &_| Decision::accept(on_message.clone());
    server.spawn(decide).expect("a thread");
    open_by_hand(&address)
}

#[test]
fn answers_to_one_read_leave_in_one_write() {
    let (report, reports) = mpsc::channel();
    let mut stream = serve(move |ws: &WebSocketConnection, message| {
        assert_eq!(ws.send(message).expect("open"), SendStatus::Sent);
        report.send(ws.buffered_amount()).expect("the test waits");
    });
    stream.write_all(&digits("123456")).expect("written");
    let unwritten: Vec<_> = reports.iter().take(6).collect();
    assert_eq!(unwritten, [3, 6, 9, 12, 15, 0]);
    for digit in "123456".chars() {
        assert_eq!(read_digit(&mut stream), digit);
    }
}

#[test]
fn a_large_answer_does_not_wait() {
    let (report, reports) = mpsc::channel();
    let mut stream = serve(move |ws: &WebSocketConnection, _| {
        ws.send_binary(&[0; 65 << 10]).expect("there is room");
        report.send(ws.buffered_amount()).expect("the test waits");
    });
    stream.write_all(&digits("12")).expect("written");
    assert_eq!(reports.iter().take(2).collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn a_slow_handler_holds_back_no_earlier_answer() {
    let (go_on, until) = mpsc::channel::<()>();
    let until = std::sync::Arc::new(std::sync::Mutex::new(until));
    let mut stream = serve(move |ws: &WebSocketConnection, message| {
        if message == "2".into() {
            until.lock().expect("no panic").recv().expect("the test goes on");
        }
        ws.send(message).expect("open");
    });
    stream.write_all(&digits("123")).expect("written");
    assert_eq!(read_digit(&mut stream), '1');
    go_on.send(()).expect("the handler waits");
    assert_eq!(read_digit(&mut stream), '2');
    assert_eq!(read_digit(&mut stream), '3');
}

#[test]
fn a_message_of_another_thread_leaves_at_once() {
    let mut stream = serve(|ws: &WebSocketConnection, message| {
        ws.send(message).expect("open");
        let other = ws.clone();
        let sent = thread::spawn(move || other.send("x").map(|_| other.buffered_amount()));
        assert_eq!(sent.join().expect("no panic").expect("open"), 0);
    });
    stream.write_all(&digits("12")).expect("written");
    for expected in ['1', 'x', '2', 'x'] {
        assert_eq!(read_digit(&mut stream), expected);
    }
}

#[test]
fn a_close_takes_along_what_was_collected() {
    let mut stream = serve(|ws: &WebSocketConnection, message| {
        ws.send(message).expect("open");
        ws.close(None).expect("open");
    });
    stream.write_all(&digits("12")).expect("written");
    let mut frames = [0; 5];
    stream.read_exact(&mut frames).expect("a message and a Close");
    assert_eq!(frames, *b"\x81\x011\x88\x00");
}

/// Accepts a connection with `recv`, and runs `then` after the first two messages were echoed.
fn receive(then: impl FnOnce(WebSocket<Server>) + Send + 'static) -> TcpStream {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let mut ws = accept_with(stream, Config::default(), yes).expect("open").expect("accepted");
        for _ in 0..2 {
            let message = ws.recv().expect("open").expect("a message");
            assert_eq!(ws.send(message).expect("open"), SendStatus::Sent);
        }
        assert_eq!(ws.buffered_amount(), 6, "the third message was read, too");
        then(ws);
    });
    open_by_hand(&address)
}

#[test]
fn an_owner_that_is_busy_elsewhere_sends_soon() {
    let (end, until) = mpsc::channel::<()>();
    let mut stream = receive(move |_ws| until.recv().expect("the test goes on"));
    stream.write_all(&digits("123")).expect("written");
    assert_eq!((read_digit(&mut stream), read_digit(&mut stream)), ('1', '2'));
    end.send(()).expect("the owner waits");
}

#[test]
fn flush_writes_what_was_collected() {
    let mut stream = receive(|mut ws| {
        assert_eq!(ws.flush().expect("open"), SendStatus::Sent);
        assert_eq!(ws.buffered_amount(), 0);
    });
    stream.write_all(&digits("123")).expect("written");
    assert_eq!((read_digit(&mut stream), read_digit(&mut stream)), ('1', '2'));
}

#[test]
fn an_owner_that_drops_the_connection_loses_nothing() {
    let elsewhere =
        |ws| thread::spawn(move || drop::<WebSocket<Server>>(ws)).join().expect("no panic");
    for mut stream in [receive(drop), receive(elsewhere)] {
        stream.write_all(&digits("123")).expect("written");
        assert_eq!((read_digit(&mut stream), read_digit(&mut stream)), ('1', '2'));
    }
}

/// The answer to the last message of a read leaves with the answers to the others, though `recv` returns between them.
/// The warden may write earlier if the machine is slow, so one round of many is enough.
#[test]
fn answers_to_one_read_leave_in_one_write_of_an_owner() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let owner = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let mut ws = accept_with(stream, Config::default(), yes).expect("open").expect("accepted");
        let mut in_one_write = 0;
        while let Some(message) = ws.recv().expect("open") {
            let kept = ws.buffered_amount();
            in_one_write += usize::from(message == "3".into() && kept == 6);
            assert_eq!(ws.send(message).expect("open"), SendStatus::Sent);
        }
        in_one_write
    });
    let mut stream = open_by_hand(&address);
    for _ in 0..100 {
        stream.write_all(&digits("123")).expect("written");
        for digit in "123".chars() {
            assert_eq!(read_digit(&mut stream), digit);
        }
    }
    stream.shutdown(std::net::Shutdown::Write).expect("open");
    assert_ne!(owner.join().expect("no panic"), 0);
}
