//! Exit statuses, each with its line.

use std::io::Write;
use std::net::{Shutdown, TcpListener};

use ws_std::wsproto::CloseCode;
use ws_std::wsproto::handshake::Response;
use ws_std::{
    Decision, IncomingRequest, Message, ServerHandle, ServerOptions, WebSocketConnection,
    WebSocketServer,
};

use super::support::{by_hand, drain, end, head, run, serve, url};

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

    // An answer that is no WebSocket handshake.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 101 Upgrade\r\n\r\n").expect("a client");
        drain(stream);
    });
    assert_eq!(run(&[&url], b"").status, Some(2));
    server.join().expect("no panic");
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
