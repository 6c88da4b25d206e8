//! Exit statuses, each with its line.

use std::io::Write;
use std::net::{Shutdown, TcpListener};

use ws_std::wsproto::CloseCode;
use ws_std::wsproto::handshake::Response;
use ws_std::{
    Decision, IncomingRequest, Message, ServerHandle, ServerOptions, WebSocketConnection,
    WebSocketServer,
};

use super::support::{Ended, by_hand, drain, end, head, run, serve, url};

#[test]
fn wrong_arguments_are_64() {
    for (arguments, complaint) in [
        (&[][..], "<URL>"),
        (&["ws://127.0.0.1:1/", "--nonsense"], "--nonsense"),
        (&["ftp://127.0.0.1/"], "ftp://127.0.0.1/"),
        (&["ws://127.0.0.1:1/", "-n", "0"], "--count"),
        (&["ws://127.0.0.1:1/", "--timeout", "1000001h"], "--timeout"),
        (&["listen", "0", "--tls", "a", "b", "--tls", "c", "d"], "--tls: "),
        (&["bench", "ws://127.0.0.1:1/", "--warmup", "1000001h"], "--warmup"),
        (&["check", "ws://127.0.0.1:1/", "--wait", "0"], "--wait"),
        (&["replay", "file", "--connection", "0"], "--connection"),
        (&["ws://127.0.0.1:1/", "-H", "x"], "-H needs"),
        (&["ws://127.0.0.1:1/", "-H", "Upgrade: x"], "Upgrade"),
        (&["ws://127.0.0.1:1/", "--cookie", "x"], "--cookie needs"),
        (&["ws://127.0.0.1:1/", "--user", "x"], "--user needs"),
        (&["ws://127.0.0.1:1/", "--wait", "soon"], "--wait"),
        (&["ws://127.0.0.1:1/", "--resolve", "x"], "--resolve"),
        (&["ws://127.0.0.1:1/", "--proxy", "ftp://x"], "--proxy"),
        (&["wss://127.0.0.1:1/", "--cacert", "/nowhere/file.pem"], "/nowhere/file.pem"),
        (&["ws://127.0.0.1:1/", "--hex", "--binary"], "--binary"),
        (&["ws://127.0.0.1:1/", "--frame", "length", "--max-message", "5G"], "--frame length"),
        (&["wss://127.0.0.1:1/", "--cert", "file.pem"], "--key"),
        // Options that would have no effect.
        (&["ws://127.0.0.1:1/", "--cacert", "file.pem"], "--cacert is for wss://"),
        (&["ws://127.0.0.1:1/", "--cert", "a.pem", "--key", "b.pem"], "--cert is for wss://"),
        (&["check", "ws://127.0.0.1:1/", "--insecure"], "--insecure is for wss://"),
        (&["bench", "ws://127.0.0.1:1/", "--insecure"], "--insecure is for wss://"),
        (
            &["ws://127.0.0.1:1/", "--resolve", "other:127.0.0.1"],
            "--resolve: no address is for 127.0.0.1",
        ),
        (&["ws://127.0.0.1:1/", "--jsonl", "-x", "a", "--frame", "null"], "--frame has no effect"),
        (&["ws://127.0.0.1:1/", "--unix", "a", "--resolve", "127.0.0.1:127.0.0.1"], "--resolve"),
        (&["ws://127.0.0.1:1/", "--proxy", "127.0.0.1:2", "--unix", "a"], "--unix"),
        (&["replay", "file", "--wait", "1s"], "--compare"),
        (&["check", "--list", "ws://127.0.0.1:1/"], "--list"),
        (&["check", "--list", "--only", "host-missing"], "--list"),
        (&["bench", "ws://127.0.0.1:1/", "--rate", "1", "--in-flight", "1"], "--in-flight"),
        (&["listen", "0", "--grace", "1s"], "--exec"),
        (&["listen", "0", "--unix", "a"], "--unix"),
        (&["listen", "0", "--echo", "--broadcast"], "--broadcast"),
        (&["trace", "file", "--chunk", "1"], "--to"),
        (&["trace", "file", "--to", "server", "--connection", "2"], "--connection"),
    ] {
        let ended = run(arguments, b"");
        assert_eq!((ended.status, &*ended.out), (Some(64), &b""[..]), "{arguments:?}");
        assert!(ended.err.contains(complaint), "{arguments:?}: {}", ended.err);
    }
}

#[test]
fn wrong_urls_are_told_without_secrets() {
    for url in ["ws://name:secret@host/", "ws://host:x/?token=secret", "ws://host/?a#secret"] {
        let ended = run(&[url], b"");
        assert_eq!(ended.status, Some(64), "{}", ended.err);
        assert!(!ended.err.contains("secret"), "{}", ended.err);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for argument in ["--help", "-h", "--version"] {
        let ended = run(&[argument], b"");
        assert_eq!((ended.status, &*ended.err), (Some(0), ""), "{argument}");
        assert!(!ended.out.is_empty(), "{argument}");
    }
}

#[test]
fn a_refusal_is_1() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = gone.local_addr().expect("an address");
    drop(gone);
    let ended = run(&[&format!("ws://{address}/")], b"");
    assert_eq!(ended.status, Some(1));
    assert!(ended.err.starts_with(&format!("ws: cannot connect to {address}: ")), "{}", ended.err);

    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a port");
    let server = server.spawn(|_: &ServerHandle, _: &IncomingRequest| {
        Decision::<()>::respond(Response::text(403, "not today\n\x1b[2J"))
    });
    let server = server.expect("a thread");
    let ended = run(&[&url(&server)], b"");
    assert_eq!(
        (ended.status, &*ended.err),
        (Some(1), "ws: refused with status 403; -v shows the response\n")
    );
    let ended = run(&[&url(&server), "-v"], b"");
    assert_eq!(ended.status, Some(1));
    for part in ["> GET / HTTP/1.1\n", "\n< HTTP/1.1 403\n", "\n| not today\n| \\u{1b}[2J\n"] {
        assert!(ended.err.contains(part), "{}", ended.err);
    }
    assert!(ended.err.ends_with("\nws: refused with status 403\n"), "{}", ended.err);
    end(server);
}

#[test]
fn a_protocol_error_is_2() {
    // A reserved opcode.
    let url = by_hand(|mut stream| {
        stream.write_all(b"\x83\x00").expect("a client");
        drain(stream);
    });
    let ended = run(&[&url, "--wait", "forever"], b"");
    assert_eq!(ended.status, Some(2), "{}", ended.err);
    assert!(ended.err.contains("opcode"), "{}", ended.err);

    // The server says that we broke a rule.
    let server = serve(ServerOptions::new(), |ws: &WebSocketConnection, _: Message| {
        let _ = ws.terminate(CloseCode::PROTOCOL_ERROR, "");
    });
    let ended = run(&[&super::support::url(&server), "-x", "x", "--wait", "forever"], b"");
    assert_eq!(ended.status, Some(2));
    assert_eq!(ended.err, "ws: closed by the peer: 1002 Protocol Error\n");
    end(server);
}

/// Runs the command against a server with one answer to each request.
fn answered(answer: &[u8], arguments: &[&str]) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let answer = answer.to_vec();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        head(&mut stream);
        stream.write_all(&answer).expect("a client");
        drain(stream);
    });
    let ended = run(&[&[&*url], arguments].concat(), b"");
    server.join().expect("no panic");
    ended
}

#[test]
fn an_answer_that_breaks_a_rule_is_2_and_shown() {
    for (answer, why, shown) in [
        (
            &b"HTTP/1.1 101 Upgrade\r\nServer: x\r\n\r\n"[..],
            "missing or invalid Upgrade header",
            "< HTTP/1.1 101\n< Server: x\n",
        ),
        (
            b"HTTP/1.1 101 Upgrade\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: y\r\n\r\n",
            "missing or wrong Sec-WebSocket-Accept header",
            "< HTTP/1.1 101\n< Upgrade: websocket\n< Connection: upgrade\n< Sec-WebSocket-Accept: y\n",
        ),
        (
            b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnot\r\nx",
            "the server answered with status 403, and a body with an invalid chunk",
            "< HTTP/1.1 403\n< Transfer-Encoding: chunked\n| not\n",
        ),
        (b"SSH-2.0-x\r\n\x1b[2J", "the peer does not speak HTTP", "< SSH-2.0-x\n< \\x1b[2J\n"),
    ] {
        let ended = answered(answer, &["-v"]);
        assert_eq!(ended.status, Some(2), "{ended:?}");
        let lines = format!("{shown}ws: {why}\n");
        assert!(ended.err.starts_with("> GET / HTTP/1.1\n> Host: "), "{}", ended.err);
        assert!(ended.err.ends_with(&lines), "{}", ended.err);
        let ended = answered(answer, &[]);
        assert_eq!(ended.err, format!("ws: {why}; -v shows the response\n"));
    }
    // Programs get it, too.
    let ended = answered(b"HTTP/1.1 101 Upgrade\r\nServer: x\r\n\r\n", &["--jsonl"]);
    assert!(
        ended.text().ends_with("\"response\":{\"status\":101,\"headers\":[[\"Server\",\"x\"]]}}\n"),
        "{}",
        ended.text()
    );
}

#[test]
fn a_lost_connection_is_3() {
    let url = by_hand(|stream| stream.shutdown(Shutdown::Both).expect("a socket"));
    let ended = run(&[&url, "--wait", "forever"], b"");
    assert_eq!(ended.status, Some(3));
    assert!(ended.err.starts_with("ws: lost: "), "{}", ended.err);
}

#[test]
fn a_timeout_is_4() {
    // A server that accepts, and never responds.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let ended = run(&[&url, "--timeout", "50ms"], b"");
    assert_eq!((ended.status, &*ended.err), (Some(4), "ws: the opening handshake timed out\n"));

    // One that answers no Ping.
    let url = by_hand(drain);
    let mut child = super::support::start(&[
        &url,
        "--wait",
        "forever",
        "--keep-alive",
        "10ms",
        "--timeout",
        "2s",
    ]);
    drop(child.stdin.take());
    let ended = super::support::wait(child);
    assert_eq!(ended.status, Some(4));
    assert_eq!(ended.err, "ws: no pong from the peer within the keep-alive patience\n");
}
