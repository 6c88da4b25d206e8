//! `ws replay`, run as a user would.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

/// A file that is removed when this is dropped.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = env::temp_dir().join(format!("ws-replay-{name}-{}", std::process::id()));
        fs::write(&path, text).expect("written");
        Self(path)
    }

    fn name(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // A test that failed may have removed it.
        let _ = fs::remove_file(&self.0);
    }
}

/// A running `ws listen`.
struct Server(Child, String);

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut child = ws(&["listen", "0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ws runs");
        let mut line = String::new();
        BufReader::new(child.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let url = line.trim_end().strip_prefix("ws: listening on ").expect("a URL").to_owned();
        Self(child, url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ws(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ws"));
    command.args(args).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = ws(args).output().expect("ws runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

/// Records a conversation with an echo server.
fn recording(name: &str) -> (File, Server) {
    let server = Server::start(&["--echo"]);
    let (code, out, err) =
        run(&[&server.1, "-x", "one", "-x", "zwei ä", "-x", "", "-n", "3", "--jsonl"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("{\"at\":") && out.contains("zwei"), "{out}");
    (File::new(name, &out), server)
}

#[test]
fn a_recording_is_played_and_compared() {
    let (file, server) = recording("same");
    let (code, out, err) = run(&["replay", file.name(), "--compare", "--speed", "10"]);
    assert_eq!((code, &*out), (Some(0), "one\nzwei ä\n\n"), "{err}");
    // To another server that answers the same.
    let other = Server::start(&["--exec", "cat"]);
    let (code, out, err) = run(&["replay", file.name(), &other.1, "--compare", "--speed", "max"]);
    assert_eq!((code, &*out), (Some(0), "one\nzwei ä\n\n"), "{err}");
    drop(server);
    let (code, _, err) = run(&["replay", file.name()]);
    assert_eq!(code, Some(1), "the recorded server is gone: {err}");
}

#[test]
fn differences_are_told() {
    let (file, _server) = recording("other");
    let silent = Server::start(&["--broadcast"]);
    let compare = |url: &str| run(&["replay", file.name(), url, "--compare", "--wait", "100ms"]);
    let (code, _, err) = compare(&silent.1);
    assert_eq!(code, Some(5));
    assert!(
        err.contains("ws: 3 messages of the recording are missing, behind 0 equal ones"),
        "{err}"
    );
    let shouting =
        Server::start(&["--exec", "sh", "-c", "while read -r line; do echo \"$line!\"; done"]);
    let (code, out, err) = compare(&shouting.1);
    assert_eq!((code, &*out), (Some(5), "one!\nzwei ä!\n!\n"), "{err}");
    assert!(err.starts_with("ws: message 1 is \"one!\"; in line "), "{err}");
    assert!(err.ends_with("ws: 3 of 3 messages differ from the recording\n"), "{err}");
}

#[test]
fn the_client_of_a_server_is_played() {
    let mut server = Server::start(&["--echo", "--jsonl"]);
    for texts in [&["-x", "a"][..], &["-x", "b", "-x", "c"]] {
        let count = (texts.len() / 2).to_string();
        let (code, _, err) = run(&[&[&*server.1], texts, &["-n", &count]].concat());
        assert_eq!(code, Some(0), "{err}");
    }
    let mut lines = String::new();
    let mut stdout = BufReader::new(server.0.stdout.take().expect("a pipe"));
    while lines.matches("\"close\"").count() < 2 {
        assert_ne!(stdout.read_line(&mut lines).expect("UTF-8"), 0);
    }
    let (file, echo) = (File::new("server", &lines), Server::start(&["--echo"]));
    let play = |number: &str| {
        let args = ["replay", file.name(), &echo.1, "--side", "peer", "--connection", number];
        run(&[&args[..], &["--compare"]].concat())
    };
    assert_eq!(play("1").1, "a\n");
    assert_eq!((play("2").0, &*play("2").1), (Some(0), "b\nc\n"));
    let (code, _, err) = play("3");
    assert_eq!(code, Some(64));
    assert!(err.ends_with("the last one is 2\n"), "{err}");
}

/// A recording of a second; the times are in microseconds.
const SECOND: &str = r#"{"at":5000000,"event":"open","time":0,"url":"ws://localhost/","request":{"headers":[]},"response":{"headers":[]}}
{"at":5100000,"event":"message","from":"own","text":"early"}
{"at":6000000,"event":"message","from":"own","binary":"/w=="}
{"at":6000000,"event":"close","by":"own","code":1000,"reason":"","clean":true}
"#;

#[test]
fn times_are_those_of_the_recording() {
    let (file, server) = (File::new("times", SECOND), Server::start(&["--echo"]));
    for (speed, least) in [("1", 1000), ("2", 500), ("max", 0)] {
        let begun = Instant::now();
        let args = ["replay", file.name(), &server.1, "--speed", speed, "--jsonl"];
        let (code, out, err) = run(&args);
        assert_eq!(code, Some(0), "{err}");
        assert!(begun.elapsed() >= Duration::from_millis(least), "{speed}");
        assert!(out.contains("\"text\":\"early\"") && out.contains("\"binary\":\"/w==\""), "{out}");
    }
}

#[test]
fn bad_files_are_refused_by_line() {
    let (server, second) = (Server::start(&["--echo"]), SECOND.lines().next().expect("a line"));
    for (name, text, complaint) in [
        ("empty", "", " has no connection that opened"),
        ("words", "hello\n", ", line 1: not a line of --jsonl: expected value at column 1"),
        ("cut", SECOND.strip_suffix("true}\n").expect("its end"), ", line 4: "),
        ("binary", "\u{0}\n", ", line 1: not a line of --jsonl: expected value"),
        ("gap", &format!("{second}\n\n"), ", line 2: not a line of --jsonl: EOF while parsing"),
        (
            "kind",
            &format!("{second}\n{{\"at\":1,\"event\":\"dance\"}}"),
            ", line 2: not a line of --jsonl: unknown variant `dance`",
        ),
    ] {
        let file = File::new(name, text);
        let (code, out, err) = run(&["replay", file.name(), &server.1]);
        assert_eq!((code, &*out), (Some(64), ""), "{name}: {err}");
        assert!(err.contains(complaint) && err.lines().count() == 1, "{name}: {err}");
    }
    let (code, _, err) = run(&["replay", "/nonexistent"]);
    assert!(code == Some(64) && err.starts_with("ws: cannot read /nonexistent: "), "{err}");
    let (code, _, err) = run(&["replay", "file", "--speed", "0"]);
    assert!(code == Some(64) && err.contains("not a number above 0"), "{err}");
}
