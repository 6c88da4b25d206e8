//! `ws bench`: counts are right, and latencies are those of the server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use ws_mio::{Decision, Message, ServerOptions, WebSocketConnection};
use ws_std::wsproto::{CloseCode, Deflate};

use crate::support::{outcome, ws};

type OnMessage = Box<dyn FnMut(&WebSocketConnection, Message) + Send>;

/// Serves every connection with a handler of its own, on threads: a slow one delays no other.
fn serve(
    options: ServerOptions,
    mut handler: impl FnMut() -> OnMessage + Send + 'static,
) -> SocketAddr {
    let server = ws_std::WebSocketServer::bind("127.0.0.1:0", options).expect("a port");
    let address = server.local_addr().expect("an address");
    server.spawn(move |_: &_, _: &_| Decision::accept(handler())).expect("a thread");
    address
}

/// Serves an echo, and counts the messages.
fn echo(options: ServerOptions) -> (SocketAddr, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let address = serve(options, move || {
        let counter = Arc::clone(&counter);
        Box::new(move |ws, message| {
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = ws.send(message);
        })
    });
    (address, count)
}

/// Runs a load; returns the status, the lines of JSON, and standard error.
fn bench(address: SocketAddr, arguments: &[&str]) -> (i32, Vec<Value>, String) {
    let url = format!("ws://{address}/");
    let mut all = vec!["bench", &url, "--jsonl"];
    all.extend_from_slice(arguments);
    let (status, out, error) = outcome(&ws(&all));
    let lines = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (status, lines, error)
}

fn number(line: &Value, name: &str) -> u64 {
    line[name].as_u64().unwrap_or_else(|| panic!("{name}: {line}"))
}

#[test]
fn every_message_that_was_sent_is_counted() {
    for arguments in [
        &["--rate", "500", "-c", "4", "-d", "1s", "-w", "200ms"][..],
        &["--in-flight", "8", "-c", "3", "-d", "1s", "-w", "200ms", "--binary"],
        &["--in-flight", "1", "-d", "500ms", "-w", "0s", "--size", "0"],
        &["--rate", "100", "-d", "500ms", "-w", "0s", "--size", "70K", "--binary"],
    ] {
        let (address, count) = echo(ServerOptions::new());
        let (status, lines, error) = bench(address, arguments);
        assert_eq!((status, &*error), (0, ""), "{arguments:?}: {lines:?}");
        let (last, seconds) = lines.split_last().expect("a summary");
        let (sent, answered) = (number(last, "all_sent"), number(last, "all_answered"));
        assert_eq!((sent, answered), (count.load(Ordering::SeqCst), sent), "{last}");
        assert!(
            sent > 0 && number(last, "unanswered") == 0 && number(last, "other") == 0,
            "{last}"
        );
        let sum: u64 = seconds.iter().map(|second| number(second, "answered")).sum();
        assert_eq!(sum, number(last, "answered"), "{lines:?}");
    }
}

/// At a rate, every message that is due is sent or counted as unsent.
#[test]
fn a_rate_is_kept() {
    let (address, count) = echo(ServerOptions::new());
    let arguments = ["--rate", "300", "-c", "7", "-d", "1s", "-w", "0s"];
    let (status, lines, error) = bench(address, &arguments);
    assert_eq!(status, 0, "{error}");
    let last = lines.last().expect("a summary");
    assert_eq!(number(last, "all_sent") + number(last, "unsent"), 300, "{last}");
    assert_eq!(number(last, "all_sent"), count.load(Ordering::SeqCst), "{last}");
    assert_eq!((number(last, "connections"), number(last, "rate")), (7, 300), "{last}");
}

#[test]
fn compressed_messages_are_echoed_too() {
    let (address, _) = echo(ServerOptions::new().deflate(Deflate::new()));
    let arguments = ["--deflate", "--size", "4K", "-d", "300ms", "-w", "0s"];
    let (status, lines, error) = bench(address, &arguments);
    assert_eq!((status, &*error), (0, ""), "{lines:?}");
    let last = lines.last().expect("a summary");
    assert!(number(last, "answered") > 0 && number(last, "other") == 0, "{last}");
}

#[test]
fn the_latency_is_that_of_the_server() {
    let delay = Duration::from_millis(100);
    let address = serve(ServerOptions::new(), move || {
        Box::new(move |ws, message| {
            thread::sleep(delay);
            let _ = ws.send(message);
        })
    });
    let (status, lines, error) = bench(address, &["-d", "1s", "-w", "0s"]);
    assert_eq!((status, &*error), (0, ""), "{lines:?}");
    let latency = &lines.last().expect("a summary")["latency"];
    // The histogram has three digits.
    assert!(number(latency, "p50") >= 99_900 && number(latency, "max") >= 99_900, "{latency}");
}

/// A server that stops once, for one second of two: a client that waits for each answer would see one slow
/// message. Half of those that were due did wait, the first quarter for more than half a second.
#[test]
fn a_pause_of_the_server_shows_in_every_message_that_was_due() {
    let address = serve(ServerOptions::new(), || {
        let mut is_first = true;
        Box::new(move |ws, message| {
            if is_first {
                thread::sleep(Duration::from_secs(1));
                is_first = false;
            }
            let _ = ws.send(message);
        })
    });
    let (status, lines, error) = bench(address, &["--rate", "200", "-d", "2s", "-w", "0s"]);
    assert_eq!((status, &*error), (0, ""), "{lines:?}");
    let last = lines.last().expect("a summary");
    let latency = &last["latency"];
    assert!(number(latency, "p90") >= 500_000, "{latency}");
    // On a busy machine, the last ones may be due and not sent.
    assert_eq!(number(latency, "count") + number(last, "unsent"), 400, "{last}");
}

#[test]
fn a_server_that_does_not_echo_is_told() {
    let address = serve(ServerOptions::new(), || Box::new(|_, _| {}));
    let (status, lines, error) = bench(address, &["--timeout", "1s", "-w", "0s", "-d", "60s"]);
    assert_eq!(status, 4, "{lines:?}");
    assert!(error.contains("does not echo"), "{error}");
    assert!(lines.last().expect("a summary")["latency"].is_null(), "{lines:?}");
}

#[test]
fn messages_that_are_no_echo_are_counted_apart() {
    let address = serve(ServerOptions::new(), || {
        Box::new(|ws, message| {
            let _ = ws.send("something else");
            let _ = ws.send(message);
        })
    });
    let (status, lines, error) = bench(address, &["-d", "300ms", "-w", "0s"]);
    assert_eq!((status, &*error), (0, ""), "{lines:?}");
    let last = lines.last().expect("a summary");
    let (answered, other) = (number(last, "all_answered"), number(last, "other"));
    assert!(answered > 0 && other.abs_diff(answered) <= 1, "{last}");
}

#[test]
fn connections_that_fail_are_counted_and_named() {
    let (address, _) = echo(ServerOptions::new().max_connections(2));
    let (status, lines, error) = bench(address, &["-c", "5", "-d", "300ms", "-w", "0s"]);
    let last = lines.last().expect("a summary");
    assert_eq!(status, 3, "{last}");
    assert!(error.contains("3 connections failed to open, 0 were lost"), "{error}");
    assert_eq!(number(last, "connections"), 2, "{last}");
    assert_eq!(number(&last["failed"], "refused with status 503"), 3, "{last}");

    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let (status, lines, error) = bench(free, &["-c", "5"]);
    assert_eq!((status, lines.len()), (1, 0), "{error}");
    assert!(error.contains("cannot connect"), "{error}");
}

#[test]
fn connections_that_end_early_are_counted_and_named() {
    let address = serve(ServerOptions::new(), || {
        let mut left = 3;
        Box::new(move |ws, message| {
            left -= 1;
            let _ = match left {
                0 => ws.terminate(CloseCode::GOING_AWAY, "enough"),
                _ => ws.send(message).map(drop),
            };
        })
    });
    let (status, lines, error) = bench(address, &["-c", "4", "-d", "60s", "-w", "0s"]);
    let last = lines.last().expect("a summary");
    assert_eq!(status, 3, "{last}");
    assert!(error.contains("0 connections failed to open, 4 were lost"), "{error}");
    let lost = last["lost"].as_object().expect("reasons");
    let (reason, count) = lost.iter().next().expect("a reason");
    assert!(reason.contains("1001") && count == 4, "{last}");
    assert_eq!(number(last, "all_answered"), 8, "{last}");
}

/// The server accepts, and reads nothing: no memory grows, and the messages that were due are told.
#[test]
fn a_server_that_does_not_read_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = [0; 4096];
        let len = stream.read(&mut request).expect("a request");
        let request = String::from_utf8_lossy(&request[..len]).into_owned();
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let proof = ws_std::wsproto::handshake::accept_key(key.expect("a key"));
        let response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {proof}\r\n\r\n"
        );
        stream.write_all(response.as_bytes()).expect("a client");
        thread::sleep(Duration::from_secs(60));
    });
    let arguments = ["--rate", "5000", "--size", "1M", "--binary", "--timeout", "1s", "-d", "60s"];
    let (status, lines, error) = bench(address, &arguments);
    assert_eq!(status, 4, "{error}");
    let last = lines.last().expect("a summary");
    assert!(number(last, "unsent") > 0, "{last}");
}

#[cfg(unix)]
#[test]
fn the_limit_of_open_files_is_told() {
    let (address, _) = echo(ServerOptions::new());
    let ws = env!("CARGO_BIN_EXE_ws");
    let script =
        format!("ulimit -n 24; exec '{ws}' bench ws://{address}/ -c 60 -d 300ms -w 0s --jsonl");
    let output = Command::new("sh").args(["-c", &script]).output().expect("sh runs");
    let (status, out, error) = outcome(&output);
    assert_eq!(status, 3, "{out}{error}");
    assert!(out.contains("ulimit -n"), "{out}{error}");
}

#[test]
fn the_text_names_what_was_measured() {
    let (address, _) = echo(ServerOptions::new());
    let url = format!("ws://{address}/");
    let arguments = ["bench", &url, "-c", "2", "-d", "300ms", "-w", "0s", "--size", "16"];
    let (status, out, error) = outcome(&ws(&arguments));
    assert_eq!((status, &*error), (0, ""), "{out}");
    assert!(
        out.starts_with(&format!("{url}: 2 connections, 16 bytes of text, 1 in flight")),
        "{out}"
    );
    assert!(out.contains("\nanswered  ") && out.contains("  p99.9 "), "{out}");
    assert!(!out.contains("no answer") && !out.contains("lost"), "{out}");
}
