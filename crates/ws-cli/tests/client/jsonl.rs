//! The lines of `--jsonl`.

use std::io::Write;

use serde_json::{Value, json};
use ws_std::wsproto::handshake::Response;
use ws_std::{Decision, IncomingRequest, ServerHandle, ServerOptions, WebSocketServer};

use super::support::{Ended, by_hand, drain, end, run, url};

/// Returns the lines, each without its time; the times never decrease.
fn lines(ended: &Ended) -> Vec<Value> {
    let mut last = 0;
    let lines = ended.text().lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let at = line.as_object_mut().and_then(|line| line.remove("at"));
        let at = at.and_then(|at| at.as_u64()).expect("a time in microseconds");
        assert!(at >= last, "{line}");
        last = at;
        line
    });
    lines.collect()
}

#[test]
fn each_event_is_a_line() {
    let server = by_hand(|mut stream| {
        // A text, a binary message, a Ping and a Pong, then an answer to our Close.
        stream
            .write_all(b"\x81\x02hi\x82\x02\0\xff\x89\x01p\x8a\x01q\x88\x06\x0f\xa0over")
            .expect("a client");
        drain(stream);
    });
    let ended = run(&[&server, "--jsonl", "--wait", "forever", "-H", "X-Test: 1"], b"");
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    let mut lines = lines(&ended);
    let open = lines.remove(0);
    assert_eq!((&open["event"], &open["url"]), (&json!("open"), &json!(server)));
    assert!(open["time"].as_u64().is_some_and(|time| time > 1_500_000_000_000_000), "{open}");
    assert_eq!(open["request"]["line"], "GET / HTTP/1.1");
    let has = |head: &Value, field: Value| {
        head["headers"].as_array().is_some_and(|headers| headers.contains(&field))
    };
    assert!(has(&open["request"], json!(["X-Test", "1"])), "{open}");
    assert!(has(&open["request"], json!(["Sec-WebSocket-Key", "(random)"])), "{open}");
    assert_eq!(open["response"]["status"], 101);
    assert!(has(&open["response"], json!(["Upgrade", "websocket"])), "{open}");
    assert_eq!(
        lines,
        [
            json!({"event": "message", "from": "peer", "text": "hi"}),
            json!({"event": "message", "from": "peer", "binary": "AP8="}),
            json!({"event": "ping", "from": "peer", "payload": "cA=="}),
            json!({"event": "pong", "from": "peer", "payload": "cQ=="}),
            json!({"event": "close", "by": "peer", "code": 4000, "reason": "over", "sent": 4000, "clean": true}),
        ]
    );
}

#[test]
fn messages_that_are_sent_are_lines_too() {
    let server = super::support::echo(ServerOptions::new());
    let ended = run(&[&url(&server), "--jsonl"], b"a\nb\n");
    let lines = lines(&ended);
    let of = |from: &str| {
        let messages = lines.iter().filter(|line| line["from"] == from);
        messages.map(|line| line["text"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (of("own"), of("peer")),
        (vec!["a".into(), "b".into()], vec!["a".into(), "b".into()])
    );
    assert_eq!(lines.last().map(|line| &line["by"]), Some(&json!("own")));
    end(server);
}

#[test]
fn errors_have_the_status_and_the_response() {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a port");
    let server = server.spawn(|_: &ServerHandle, _: &IncomingRequest| {
        Decision::<()>::respond(Response::text(401, "who?"))
    });
    let server = server.expect("a thread");
    let ended = run(&[&url(&server), "--jsonl"], b"");
    assert_eq!(ended.status, Some(1));
    let lines = lines(&ended);
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["event"], &lines[0]["status"]), (&json!("error"), &json!(1)));
    assert_eq!(lines[0]["response"]["status"], 401);
    assert_eq!(lines[0]["response"]["body"], "who?");
    end(server);

    let violation = by_hand(|mut stream| {
        stream.write_all(b"\x83\x00").expect("a client");
        drain(stream);
    });
    let ended = run(&[&violation, "--jsonl", "--wait", "forever"], b"");
    let lines = self::lines(&ended);
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str()).collect();
    assert_eq!(events, [Some("open"), Some("error"), Some("close")]);
    assert_eq!((&lines[1]["status"], &lines[2]["clean"]), (&json!(2), &json!(false)));
}

/// JSON leaves some control characters as they are, and a terminal obeys them.
#[test]
fn no_line_controls_a_terminal() {
    let server = super::support::echo(ServerOptions::new());
    let text = "\u{9b}2J\u{7f}\u{202e}";
    let ended = run(&[&url(&server), "--jsonl", "-x", text, "-n", "1"], b"");
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    assert!(!ended.text().contains(['\u{9b}', '\u{7f}', '\u{202e}']), "{}", ended.text());
    assert!(lines(&ended).contains(&json!({"event": "message", "from": "peer", "text": text})));
    end(server);
}
