//! Standard input to messages, and messages to standard output.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;

use ws_std::wsproto::{CloseCode, CloseFrame};
use ws_std::{
    ConnectionHandler, Decision, IncomingRequest, Message, ServerHandle, ServerOptions,
    WebSocketConnection, WebSocketServer,
};

use super::support::{by_hand, drain, echo, end, run, serve, start, url, wait, wait_unread};

#[test]
fn lines_are_messages_until_the_input_ends() {
    let server = echo(ServerOptions::new());
    let ended = run(&[&url(&server)], "a\r\n\nbé".as_bytes());
    assert_eq!((ended.status, ended.text()), (Some(0), "a\n\nbé\n"));
    assert_eq!(ended.err, "ws: closed by this end: 1000 Normal Closure\n");
    assert_eq!(run(&[&url(&server)], b"").text(), "");
    end(server);
}

#[test]
fn texts_of_arguments_replace_the_input() {
    let server = echo(ServerOptions::new());
    let ended = run(&[&url(&server), "-x", "one", "-x", "two"], b"three\n");
    assert_eq!((ended.status, ended.text()), (Some(0), "one\ntwo\n"));
    let ended = run(&[&url(&server), "-x", "-1", "-n", "1"], b"");
    assert_eq!((ended.status, ended.text()), (Some(0), "-1\n"));
    end(server);
}

#[test]
fn a_count_closes_and_a_wait_is_a_limit() {
    let server = serve(ServerOptions::new(), |ws: &WebSocketConnection, _: Message| {
        for number in 1..=3 {
            let _ = ws.send(number.to_string());
        }
    });
    let two = run(&[&url(&server), "-x", "go", "-n", "2"], b"");
    assert_eq!((two.status, two.text()), (Some(0), "1\n2\n"));
    let all = run(&[&url(&server), "-x", "go", "-n", "3", "--wait", "60s"], b"");
    assert_eq!((all.status, all.text()), (Some(0), "1\n2\n3\n"));
    let more = run(&[&url(&server), "-x", "go", "-n", "4", "--wait", "50ms"], b"");
    assert_eq!((more.status, more.text()), (Some(4), "1\n2\n3\n"));
    assert_eq!(more.err, "ws: 3 of 4 messages arrived within 50ms\n");
    end(server);
}

/// A peer that closes first has not sent what a script waits for.
#[test]
fn a_peer_that_closes_before_the_count_is_3() {
    let server = serve(ServerOptions::new(), |ws: &WebSocketConnection, message: Message| {
        let _ = ws.send(message);
        let _ = ws.terminate(CloseCode::NORMAL, "enough");
    });
    let line = "ws: closed by the peer: 1000 Normal Closure: \"enough\"";
    for wait in [&[][..], &["--wait", "60s"]] {
        for (count, status, rest) in [("1", 0, ""), ("3", 3, "; 1 of 3 messages arrived")] {
            let ended = run(&[&[&*url(&server), "-x", "one", "-n", count], wait].concat(), b"");
            assert_eq!((ended.status, ended.text()), (Some(status), "one\n"), "{count}");
            // With the last message, this end may close at the same time.
            if status != 0 {
                assert_eq!(ended.err, format!("{line}{rest}\n"));
            }
        }
    }
    end(server);
}

/// Sends the message back, and closes, after some round trips.
#[derive(Default)]
struct Late {
    message: Option<Message>,
    pongs: usize,
}

impl ConnectionHandler for Late {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        self.message = Some(message);
        let _ = ws.ping(b"");
    }

    fn on_pong(&mut self, ws: &WebSocketConnection, _: &[u8]) {
        self.pongs += 1;
        if self.pongs < 20 {
            let _ = ws.ping(b"");
        } else if let Some(message) = self.message.take() {
            let _ = ws.send(message);
            let _ = ws.terminate(CloseCode::GOING_AWAY, "enough");
        }
    }
}

#[test]
fn a_wait_receives_until_the_peer_closes() {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a port");
    let late = |_: &ServerHandle, _: &IncomingRequest| Decision::accept(Late::default());
    let server = server.spawn(late).expect("a thread");
    let ended = run(&[&url(&server), "--wait", "forever"], b"later\n");
    assert_eq!((ended.status, ended.text()), (Some(0), "later\n"));
    assert_eq!(ended.err, "ws: closed by the peer: 1001 Going Away: \"enough\"\n");
    end(server);
}

#[test]
fn frames_separate_messages_in_both_directions() {
    let server = echo(ServerOptions::new());
    for (frame, input) in [
        ("null", &b"a\nb\0\0c\0"[..]),
        ("length", b"\0\0\0\x03a\nb\0\0\0\0\0\0\0\x01c"),
        ("chunks", b"any\nthing"),
    ] {
        let ended = run(&[&url(&server), "--frame", frame], input);
        assert_eq!((ended.status, &*ended.out), (Some(0), input), "{frame}: {}", ended.err);
    }
    end(server);
}

#[test]
fn binary_messages_are_sent_and_printed() {
    let server = serve(ServerOptions::new(), |ws: &WebSocketConnection, message: Message| {
        assert!(message.as_text().is_none());
        let _ = ws.send(message);
    });
    let bytes: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').chain([b'\n']).collect();
    let bytes: Vec<u8> = bytes.into_iter().filter(|byte| *byte != b'\r').collect();
    assert_eq!(run(&[&url(&server), "--binary"], &bytes).out, bytes);
    assert_eq!(run(&[&url(&server), "--hex"], b"00 FF\n7f\n").text(), "00ff\n7f\n");
    assert_eq!(run(&[&url(&server), "--base64"], b"AP8=\n").text(), "AP8=\n");
    for (option, text, binary) in
        [("--hex", "00FF", "AP8="), ("--base64", "AP8=", "AP8="), ("--binary", "one", "b25l")]
    {
        let ended = run(&[&url(&server), option, "-x", text, "-n", "1", "--jsonl"], b"");
        let lines = ended.text().matches(&format!("\"binary\":\"{binary}\"")).count();
        assert_eq!((ended.status, lines), (Some(0), 2), "{option}: {ended:?}");
    }
    let ended = run(&[&url(&server), "--hex", "-x", "0"], b"");
    let error = "ws: -x: an odd number of hexadecimal digits\n";
    assert_eq!((ended.status, &*ended.err), (Some(64), error));
    end(server);
}

#[test]
fn characters_may_be_cut_anywhere() {
    let server = echo(ServerOptions::new());
    let text = "aé€😀\n";
    for frame in ["lines", "chunks"] {
        for cut in 0..text.len() {
            let mut child = start(&[&url(&server), "--frame", frame]);
            let mut stdin = child.stdin.take().expect("piped");
            let (before, after) = text.as_bytes().split_at(cut);
            stdin.write_all(before).expect("it reads");
            stdin.flush().expect("a pipe");
            wait_unread(&stdin, |bytes| bytes == 0);
            stdin.write_all(after).expect("it reads");
            drop(stdin);
            let ended = wait(child);
            assert_eq!((ended.status, ended.text()), (Some(0), text), "{frame} {cut}");
        }
    }
    end(server);
}

#[test]
fn input_that_is_no_message_is_told() {
    let server = echo(ServerOptions::new());
    for (arguments, input, complaint) in [
        (&[][..], &b"a\n\xff\n"[..], "standard input, message 2: not UTF-8"),
        (&["--frame", "chunks"], b"\xc3", "standard input, message 1: not UTF-8"),
        (&["--hex"], b"0\n", "standard input, message 1: an odd number"),
        (&["--base64"], b"?\n", "standard input, message 1: "),
        (&["--frame", "length"], b"\0\0\0\x02a", "standard input: it ends within a message"),
        (&["--max-message", "4"], b"12345\n", "standard input: message 1 is longer than 4 bytes"),
    ] {
        let ended = run(&[&[&*url(&server)], arguments].concat(), input);
        assert_eq!(ended.status, Some(64), "{arguments:?}");
        assert!(ended.err.starts_with(&format!("ws: {complaint}")), "{}", ended.err);
    }
    end(server);
}

#[test]
fn a_reader_that_goes_ends_the_conversation() {
    let server = echo(ServerOptions::new());
    let mut child = start(&[&url(&server)]);
    let mut stdin = child.stdin.take().expect("piped");
    let writing = std::thread::spawn(move || {
        // Until the pipe breaks.
        while stdin.write_all(b"again and again\n").is_ok() {}
    });
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    assert_eq!(line, "again and again\n");
    drop(reader);
    let ended = wait(child);
    assert_eq!(
        (ended.status, &*ended.err),
        (Some(0), "ws: closed by this end: 1000 Normal Closure\n")
    );
    writing.join().expect("no panic");
    end(server);
}

/// This many bytes in a pipe are many: it has 16 pages on Linux, and each write may leave one half empty.
const MANY: u64 = 16 << 10;

/// The pause must neither end with the keep-alive nor lose anything, whatever waits to be sent meanwhile.
#[test]
fn a_reader_that_is_slow_holds_up_the_peer() {
    let server = echo(ServerOptions::new());
    let input = "0123456789abcdef\n".repeat(1 << 20);
    let mut child = start(&[&url(&server), "--keep-alive", "20ms"]);
    let mut stdin = child.stdin.take().expect("piped");
    let expected = input.clone();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let mut out = child.stdout.take().expect("piped");
    // Nobody has read, and everything behind this pipe fills.
    wait_unread(&out, |bytes| bytes >= MANY);
    let reading = std::thread::spawn(move || {
        let mut all = String::new();
        out.read_to_string(&mut all).map(|_| all)
    });
    let ended = wait(child);
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    assert!(reading.join().expect("no panic").expect("UTF-8") == expected);
    writing.join().expect("no panic").expect("it reads everything");
    end(server);
}

#[test]
fn a_server_that_never_answers_is_left() {
    let url = by_hand(drain);
    let ended = run(&[&url, "-x", "hello?", "-n", "1", "--wait", "50ms", "--timeout", "2s"], b"");
    assert_eq!((ended.status, ended.text()), (Some(4), ""));
    assert_eq!(ended.err, "ws: 0 of 1 messages arrived within 50ms\n");
    // It does not even answer a Close.
    let url = by_hand(drain);
    let ended = run(&[&url, "--timeout", "2s"], b"");
    assert_eq!(ended.status, Some(4));
    assert_eq!(ended.err, "ws: no close from the peer within the close timeout\n");
}

#[test]
fn a_server_that_reads_nothing_is_given_up() {
    let (test, running) = mpsc::channel::<()>();
    let url = by_hand(holding(running));
    let ended = run(&[&url, "--timeout", "100ms"], &b"x".repeat(32 << 20));
    // The line is one message; it is accepted whole, and the Close waits after it.
    assert_eq!(ended.status, Some(4), "{}", ended.err);
    drop(test);
    let (test, running) = mpsc::channel::<()>();
    let url = by_hand(holding(running));
    let ended = run(&[&url, "--timeout", "2s"], "0123456789abcde\n".repeat(2 << 20).as_bytes());
    assert_eq!((ended.status, &*ended.err), (Some(4), "ws: the peer reads nothing\n"));
    drop(test);
}

/// Keeps a connection until the test has ended, and reads nothing.
fn holding(running: mpsc::Receiver<()>) -> impl FnOnce(TcpStream) + Send + 'static {
    move |stream| {
        let _ = running.recv();
        drop(stream);
    }
}

#[test]
fn a_server_that_floods_ends_with_the_count() {
    let url = by_hand(|mut stream| {
        let flood = b"\x81\x01x".repeat(10_000);
        while stream.write_all(&flood).is_ok() {}
    });
    let ended = run(&[&url, "-n", "3", "--wait", "forever", "--timeout", "100ms"], b"");
    assert_eq!(ended.text(), "x\nx\nx\n");
    // It has not read our Close.
    assert_eq!(ended.status, Some(4), "{}", ended.err);
}

#[test]
fn text_after_the_close_is_still_printed() {
    let server = serve(ServerOptions::new(), |ws: &WebSocketConnection, _: Message| {
        let _ = ws.send("bye");
        let _ = ws.close(CloseFrame::normal("done").expect("short"));
    });
    let ended = run(&[&url(&server), "--wait", "forever"], b"go\n");
    assert_eq!((ended.status, ended.text()), (Some(0), "bye\n"));
    assert_eq!(ended.err, "ws: closed by the peer: 1000 Normal Closure: \"done\"\n");
    end(server);
}
