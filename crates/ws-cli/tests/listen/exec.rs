//! A process for each connection.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use ws_std::wsproto::CloseCode;
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::{ClientOptions, Message};

use crate::server::{LIMIT, Server};

/// Starts a server with a command of the shell.
fn shell(args: &[&str], script: &str) -> Server {
    Server::start(&[args, &["--exec", "sh", "-c", script]].concat())
}

/// Returns whether a process exists, and is no zombie.
fn is_alive(id: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
}

/// Waits until a process has ended.
fn wait_gone(id: &str) {
    let until = Instant::now() + LIMIT;
    while is_alive(id) {
        assert!(Instant::now() < until, "process {id} has not ended");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn lines_go_both_ways() {
    let server = Server::start(&["--exec", "cat"]);
    let (mut one, mut other) = (server.connect(""), server.connect(""));
    one.send("a");
    other.send("b ä");
    assert_eq!((one.text(), other.text()), ("a".into(), "b ä".into()));
    one.send("two\nlines");
    assert_eq!([one.text(), one.text()], ["two", "lines"]);
    // Bytes that are not UTF-8 are a binary message.
    one.0.send_binary(&[0xff, 0]).expect("it is open");
    assert_eq!(one.next(), Message::Binary(vec![0xff, 0]));
    one.close();
    other.send("still here");
    assert_eq!(other.text(), "still here");
}

#[test]
fn the_exit_status_closes() {
    for (script, code, reason) in [
        ("echo last; printf unfinished", 1000, ""),
        ("echo last; printf unfinished; exit 3", 1011, "exit status 3"),
        ("echo last; printf unfinished; kill -9 $$", 1011, "ended by signal 9"),
    ] {
        let server = shell(&[], script);
        let mut client = server.connect("");
        assert_eq!([client.text(), client.text()], ["last", "unfinished"], "{script}");
        assert_eq!(client.closed(), (code, reason.into()), "{script}");
    }
}

#[test]
fn a_process_without_output_goes_on() {
    let server = shell(&[], "exec >&-; read line; exit ${#line}");
    let mut client = server.connect("");
    client.send("four");
    assert_eq!(client.closed(), (1011, "exit status 4".into()));
}

#[test]
fn there_is_no_shell_and_there_are_variables() {
    let server = Server::start(&["--exec", "echo", "$HOME; exit 3", "--not-an-option"]);
    assert_eq!(server.connect("").text(), "$HOME; exit 3 --not-an-option");
    let script = r#"echo "$WS_TARGET $WS_SUBPROTOCOL ${WS_PEER%:*}"; echo oops >&2"#;
    let server = shell(&["-s", "chat"], script);
    let chat = |request: ClientRequest| request.subprotocol("chat").expect("valid");
    let mut client = server.try_connect("a?b", chat, ClientOptions::new()).expect("it accepts");
    assert_eq!(client.text(), "/a?b chat 127.0.0.1");
    assert_eq!(server.error(), "oops");
}

#[test]
fn a_command_that_cannot_run_is_told() {
    let server = Server::start(&["--exec", "/nonexistent/command"]);
    assert_eq!(server.refusal(|request| request), 500);
    let error = server.error();
    assert!(error.starts_with("ws: cannot start /nonexistent/command: "), "{error}");
}

#[test]
fn pages_need_permission() {
    let with = |request: ClientRequest| request.origin("http://localhost").expect("an origin");
    let server = Server::start(&["--exec", "cat"]);
    assert_eq!(server.refusal(with), 403);
    for origin in ["any", "http://localhost"] {
        let server = Server::start(&["--origin", origin, "--exec", "cat"]);
        assert!(server.try_connect("", with, ClientOptions::new()).is_ok(), "{origin}");
    }
}

#[test]
fn a_process_ends_with_its_connection() {
    // It ends by itself.
    let server = shell(&[], "echo $$; exec cat");
    let mut client = server.connect("");
    let id = client.text();
    assert!(is_alive(&id));
    client.close();
    wait_gone(&id);
    // It has to be killed, and what it has started, too.
    let server = shell(&["--grace", "50ms"], "sleep 1000 & echo $!; echo $$; wait");
    let mut client = server.connect("");
    let ids = [client.text(), client.text()];
    client.0.handle().abort();
    drop(client);
    ids.iter().for_each(|id| wait_gone(id));
}

#[test]
fn the_last_lines_are_read_after_the_end() {
    let folder = crate::folder::Folder::new();
    let file = folder.0.join("log");
    let server = shell(&[], &format!("sleep 0.2; exec cat > '{}'", file.display()));
    let mut client = server.connect("");
    client.send("said before the end");
    client.close();
    let until = Instant::now() + LIMIT;
    while fs::read_to_string(&file).unwrap_or_default() != "said before the end\n" {
        assert!(Instant::now() < until, "it was not read");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn signals_end_server_and_processes() {
    let mut server = shell(&["--grace", "50ms"], "echo $$; sleep 1000; exit 0");
    let mut client = server.connect("");
    let id = client.text();
    server.signal("INT");
    assert_eq!(client.closed().0, 1001);
    assert!(server.wait().0.success());
    wait_gone(&id);

    let mut server = shell(&["--grace", "1000s"], "echo $$; sleep 1000; exit 0");
    let mut client = server.connect("");
    let id = client.text();
    server.signal("TERM");
    assert_eq!(client.closed().0, 1001);
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(130));
    wait_gone(&id);
}

#[test]
fn processes_are_limited() {
    let server = Server::start(&["--max-processes", "2", "--exec", "cat"]);
    let (mut one, mut other) = (server.connect(""), server.connect(""));
    for _ in 0..1000 {
        assert_eq!(server.refusal(|request| request), 503);
    }
    one.send("a");
    assert_eq!(one.text(), "a");
    other.close();
    // The place is free once the process has ended.
    let until = Instant::now() + LIMIT;
    let mut third = loop {
        match server.try_connect("", |request| request, ClientOptions::new()) {
            Ok(client) => break client,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    };
    third.send("b");
    assert_eq!(third.text(), "b");
}

/// Processes that have left the group hold its pipes. One writes nothing, and one reads nothing of a full input, too.
#[test]
fn a_process_that_has_left_the_group_keeps_no_place() {
    let script = "setsid sh -c 'echo $$; exec sleep 1000' & exec sleep 1000";
    let args = ["--max-processes", "1", "--grace", "50ms", "--patience", "50ms"];
    let mut server = shell(&args, script);
    let mut left = Vec::new();
    for fills in [false, true, false] {
        let until = Instant::now() + LIMIT;
        let mut client = loop {
            match server.try_connect("", |request| request, ClientOptions::new()) {
                Ok(client) => break client,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
        };
        left.push(client.text());
        if fills {
            client.send(&"x".repeat(1 << 19));
        }
        client.close();
    }
    for id in left {
        // It was not ended to free the place.
        assert!(is_alive(&id));
        assert!(Command::new("kill").arg(&id).status().expect("kill runs").success());
    }
    server.signal("INT");
    assert!(server.wait().0.success());
}

#[test]
fn a_line_without_end_is_refused() {
    let server = shell(&[], "echo first; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo more");
    let mut client = server.connect("");
    assert_eq!(client.text(), "first");
    let reason = "the process wrote a line of more than 1048576 bytes";
    assert_eq!(client.closed(), (1011, reason.into()));
    server.assert_small();
}

#[test]
fn a_flood_waits_for_its_reader() {
    // Each line has a number, so that one that is lost is noticed.
    let server = shell(&[], "seq 1 3000000");
    let mut idle = server.connect("");
    let mut reading = server.connect("");
    for number in 1..=3_000_000_u32 {
        assert_eq!(reading.text(), number.to_string());
    }
    assert_eq!(reading.closed(), (1000, String::new()));
    server.assert_small();
    for number in 1..=3_000_000_u32 {
        assert_eq!(idle.text(), number.to_string());
    }
}

#[test]
fn a_process_that_does_not_read_is_given_up() {
    let server = shell(&["--patience", "100ms"], "echo $$; exec sleep 1000");
    let mut client = server.connect("");
    let id = client.text();
    client.0.set_send_timeout(Some(Duration::from_millis(10)));
    let megabyte = "x".repeat(1 << 20);
    // Until neither the server nor the system takes more.
    let full = (0..100).find_map(|_| client.0.send_text(&megabyte).err());
    assert!(full.is_some(), "100 MiB have left");
    assert_eq!(client.closed(), (1011, "the process does not read".into()));
    server.assert_small();
    // It is killed after the default grace at the latest, or by its server's end.
    drop(client);
    server.signal("INT");
    wait_gone(&id);
}

#[test]
fn a_slow_process_is_waited_for() {
    // It reads all, but later.
    let server = shell(&[], "sleep 0.3; wc -l");
    let mut client = server.connect("");
    let line = "x".repeat(9999);
    for _ in 0..1000 {
        client.send(&line);
    }
    client.send("the last one");
    // It is closed from the other end: `wc` sees the end of its input only then, so ask it another way.
    client.0.terminate(CloseCode::NORMAL, "").expect("1000 may be sent");
    assert_eq!(client.closed().0, 1000);
}

#[test]
fn output_is_not_lost_beside_standard_output() {
    let mut server = Server::start(&["--jsonl", "--exec", "cat"]);
    let mut client = server.connect("");
    client.send("x");
    assert_eq!(client.text(), "x");
    client.close();
    for (event, from) in [("open", None), ("message", Some("peer")), ("message", Some("own"))] {
        let line: serde_json::Value = serde_json::from_str(&server.line()).expect("JSON");
        assert_eq!(line["event"], event);
        assert_eq!(line["from"].as_str(), from);
    }
    server.stdin.as_mut().expect("a pipe").flush().expect("it is not read");
}
