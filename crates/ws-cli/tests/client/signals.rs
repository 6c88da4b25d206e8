//! Ctrl-C and SIGTERM.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command};
use std::sync::mpsc;

use ws_std::ServerOptions;
use ws_std::wsproto::CloseCode;

use super::support::{LONG, by_hand, drain, echo, end, start, url, wait};

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status();
    assert!(sent.expect("kill").success());
}

/// Waits until the connection is open, by the first line of its output.
fn first_line(child: &mut Child) -> BufReader<std::process::ChildStdout> {
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    assert!(line.contains("\"open\""), "{line}");
    reader
}

#[test]
fn a_signal_sends_a_close() {
    let server = echo(ServerOptions::new());
    for name in ["INT", "TERM", "HUP"] {
        let mut child = start(&[&url(&server), "--jsonl"]);
        let stdin = child.stdin.take();
        let reader = first_line(&mut child);
        signal(&child, name);
        let ended = wait(child);
        assert_eq!(ended.status, Some(0), "{name}");
        assert_eq!(ended.err, format!("ws: closed by this end: {}\n", CloseCode::NORMAL));
        drop((stdin, reader));
    }
    end(server);
}

#[test]
fn a_second_signal_does_not_wait() {
    let (to, closes) = mpsc::channel();
    // Reads the Close, and does not answer.
    let url = by_hand(move |mut stream| {
        let mut frame = [0; 8];
        std::io::Read::read_exact(&mut stream, &mut frame).expect("a Close");
        to.send(frame[0]).expect("the test waits");
        drain(stream);
    });
    let mut child = start(&[&url, "--jsonl", "--keep-alive", "off"]);
    let stdin = child.stdin.take();
    let reader = first_line(&mut child);
    signal(&child, "INT");
    assert_eq!(closes.recv_timeout(LONG), Ok(0x88));
    signal(&child, "INT");
    assert_eq!(wait(child).status, Some(130));
    drop((stdin, reader));
}

#[test]
fn a_signal_gives_up_connecting() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let child = start(&[&url]);
    // The client waits for a response.
    let (mut stream, _) = listener.accept().expect("a client");
    super::support::head(&mut stream);
    signal(&child, "INT");
    let ended = wait(child);
    assert_eq!(ended.status, Some(130), "{}", ended.err);
    // The client is gone.
    drain(stream.try_clone().expect("a socket"));
    let _ = stream.write_all(b"x");
}
