//! The recordings in the README are those of real runs: each command is run again, and must print the same.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::{env, fs, process};

use rexpect::session::spawn_command;

const README: &str = include_str!("../README.md");

/// A command of a recording, and what it prints.
#[derive(Debug, PartialEq, Eq)]
struct Recorded<'a> {
    command: &'a str,
    lines: Vec<&'a str>,
}

/// Returns the commands in the blocks `console`, without those of another user (`#`).
fn recordings() -> Vec<Recorded<'static>> {
    let mut recorded: Vec<Recorded<'_>> = Vec::new();
    let blocks = README.split("```console\n").skip(1);
    for block in blocks.map(|block| block.split("```").next().expect("a first part")) {
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => recorded.push(Recorded { command, lines: Vec::new() }),
                None if line.starts_with("# ") => {}
                None => recorded.last_mut().expect("a command comes first").lines.push(line),
            }
        }
    }
    recorded
}

/// A running `ws listen`, which is killed at the end.
struct Server {
    child: Child,
    stderr: BufReader<ChildStderr>,
    line: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ws"));
        command.args(["listen", "0"]).args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("ws runs");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("it listens");
        Self { child, stderr, line }
    }

    /// Returns the port.
    fn port(&self) -> &str {
        let (_, port) = self.line.trim_end().rsplit_once(':').expect("a port");
        port.trim_end_matches('/')
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.stderr.read_to_string(&mut self.line);
    }
}

/// A new folder with the capture that the README names.
fn folder() -> PathBuf {
    let folder = env::temp_dir().join(format!("ws-readme-{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/hello.pcap");
    fs::copy(capture, folder.join("file.pcap")).expect("a capture");
    folder
}

/// Runs a command of a shell; returns what it prints.
fn run(command: &str, folder: &Path) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_ws")).parent().expect("a folder").display();
    let path = format!("{programs}:{}", env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{{ {command}; }} 2>&1")]).env("PATH", path).env_remove("RUST_LOG");
    let output = shell.current_dir(folder).stdin(Stdio::null()).output().expect("sh runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Replaces what differs from run to run: numbers of measurements.
fn without_measurements(command: &str, text: &str) -> String {
    if command.starts_with("ws check") {
        let lines = text.lines().map(|line| match line.split_once(" probes in ") {
            Some((count, rest)) => {
                let (_, rest) = rest.split_once(" s:").expect("a time");
                format!("{count} probes in N s:{rest}\n")
            }
            None => format!("{line}\n"),
        });
        return lines.collect();
    }
    if !command.starts_with("ws bench") && !command.contains("--jsonl") {
        return text.into();
    }
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if !c.is_ascii_digit() {
            out.push(c);
            continue;
        }
        out.push('N');
        while rest.next_if(|c| c.is_ascii_digit() || *c == '.').is_some() {}
    }
    out
}

#[test]
fn commands_print_what_the_readme_says() {
    let folder = folder();
    let server = Server::start(&["--echo"]);
    let mut count = 0;
    for Recorded { command, lines } in recordings() {
        let is_talk = command == "ws ws://localhost:9001/";
        if is_talk || command.starts_with("ws listen") {
            continue;
        }
        count += 1;
        // Shorter than what people measure.
        let run_as = command.replace("--duration 3s", "--duration 100ms --warmup 0s");
        let text = run(&run_as.replace("9001", server.port()), &folder);
        let text = text.replace(server.port(), "9001");
        let expected: String = lines.iter().map(|line| format!("{line}\n")).collect();
        assert_eq!(
            without_measurements(command, &text),
            without_measurements(command, &expected),
            "{command}"
        );
    }
    assert!(count >= 7, "{count}");
    fs::remove_dir_all(folder).expect("it is there");
}

#[test]
fn listening_prints_what_the_readme_says() {
    let mut listening = recordings();
    listening.retain(|recorded| recorded.command.starts_with("ws listen"));
    let server = Server::start(&[]);
    let line = server.line.replace(server.port(), "9001");
    let expected = Recorded { command: "ws listen 9001", lines: vec![line.trim_end()] };
    assert_eq!(listening, [expected]);
}

/// The lines of a dialogue: those after a prompt are typed, those with a time are compared up to it.
#[test]
fn a_dialogue_is_as_the_readme_says() {
    let folder = env::temp_dir().join(format!("ws-readme-home-{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let server = Server::start(&["--echo"]);
    let talks = recordings().into_iter().filter(|talk| talk.command == "ws ws://localhost:9001/");
    let mut typed = 0;
    for talk in talks {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ws"));
        command.arg(format!("ws://localhost:{}/", server.port())).env("HOME", &folder);
        command.env_remove("RUST_LOG").env_remove("XDG_STATE_HOME");
        command.env("TERM", "xterm").env("NO_COLOR", "1");
        let mut terminal = spawn_command(command, Some(60_000)).expect("a terminal");
        for line in talk.lines {
            match line.split_once("> ") {
                Some((time, words)) if time.is_empty() || time.ends_with(" ms") => {
                    typed += 1;
                    terminal.exp_string("> ").expect("a prompt");
                    terminal.send_line(words).expect("a terminal");
                }
                _ => {
                    let line = line.replace("9001", server.port());
                    let fixed =
                        line.strip_prefix("* pong after ").map_or(&*line, |_| "* pong after ");
                    terminal.exp_string(fixed).unwrap_or_else(|error| panic!("{line:?}: {error}"));
                }
            }
        }
        terminal.exp_eof().expect("it ends");
    }
    assert_eq!(typed, 3);
    fs::remove_dir_all(folder).expect("it is there");
}
