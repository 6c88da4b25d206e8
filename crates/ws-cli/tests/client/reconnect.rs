//! `--reconnect`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ws_std::wsproto::CloseCode;
use ws_std::{Message, ServerOptions, WebSocketConnection};

use super::support::{end, run, serve, start, url, wait};

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
    let mut child = start(&[&url(&server), "--reconnect"]);
    let mut stdin = child.stdin.take().expect("piped");
    let mut answers = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut told = BufReader::new(child.stderr.take().expect("piped")).lines();
    for line in ["one", "two", "three"] {
        writeln!(stdin, "{line}").expect("it reads");
        assert_eq!(answers.next().expect("an answer").expect("UTF-8"), line);
        if line != "three" {
            // A line that is sent before the end is known would be lost with the connection.
            let told = told.next().expect("a line").expect("UTF-8");
            assert!(told.contains("; connecting again in "), "{told}");
        }
    }
    drop(stdin);
    assert_eq!(wait(child).status, Some(0));
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
