//! `--reconnect`.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ws_std::wsproto::CloseCode;
use ws_std::{Message, ServerOptions, WebSocketConnection};

use super::support::{end, run, serve, url};

/// A server that ends the first two connections after a message, with this code.
fn restarting(code: CloseCode) -> ws_std::RunningServer {
    let count = Arc::new(AtomicUsize::new(0));
    serve(ServerOptions::new(), move |ws: &WebSocketConnection, message: Message| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let _ = ws.send(message);
        if number < 2 {
            let _ = ws.terminate(code, "restart");
        }
    })
}

#[test]
fn texts_are_sent_on_each_connection() {
    let server = restarting(CloseCode::SERVICE_RESTART);
    let ended = run(&[&url(&server), "--reconnect", "-x", "subscribe", "-n", "3"], b"");
    assert_eq!((ended.status, ended.text()), (Some(0), "subscribe\nsubscribe\nsubscribe\n"));
    assert_eq!(ended.err.matches("; connecting again in ").count(), 2, "{}", ended.err);
    end(server);
}

#[test]
fn input_goes_on_with_the_next_connection() {
    let server = restarting(CloseCode::SERVICE_RESTART);
    let mut child = super::support::start(&[&url(&server), "--reconnect"]);
    let mut stdin = child.stdin.take().expect("piped");
    let mut reader = std::io::BufReader::new(child.stdout.take().expect("piped"));
    for line in ["one\n", "two\n", "three\n"] {
        // The next line is sent after the answer: what a peer has not answered may be lost with a connection.
        std::io::Write::write_all(&mut stdin, line.as_bytes()).expect("it reads");
        let mut answer = String::new();
        std::io::BufRead::read_line(&mut reader, &mut answer).expect("an answer");
        assert_eq!(answer, line);
    }
    drop(stdin);
    let ended = super::support::wait(child);
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    end(server);
}

#[test]
fn failures_in_a_row_have_a_limit() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", gone.local_addr().expect("an address"));
    drop(gone);
    let ended = run(&[&url, "--reconnect=1"], b"");
    assert_eq!(ended.status, Some(1));
    assert_eq!(ended.err.matches("; connecting again in ").count(), 1, "{}", ended.err);
}

#[test]
fn a_final_end_is_final() {
    let server = restarting(CloseCode::POLICY_VIOLATION);
    let ended = run(&[&url(&server), "--reconnect", "-x", "x", "--wait", "forever"], b"");
    assert_eq!((ended.status, ended.text()), (Some(0), "x\n"));
    assert!(!ended.err.contains("again"), "{}", ended.err);
    end(server);
}
