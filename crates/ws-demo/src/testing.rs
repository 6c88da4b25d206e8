//! Checks of examples, called by `tests/examples.rs` of several crates.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::{env, fs};

/// Returns a command that runs an example of the crate under test.
///
/// # Panics
///
/// If the example is not built. `cargo test` builds examples, but `cargo test --test NAME` does not.
#[must_use]
pub fn example(name: &str) -> Command {
    // The tests are in target/debug/deps, the examples in target/debug/examples.
    let test = env::current_exe().expect("a test knows its own file");
    let profile = test.ancestors().nth(2).expect("a test is in a folder of target").to_owned();
    let program: PathBuf =
        [profile, "examples".into(), format!("{name}{}", env::consts::EXE_SUFFIX).into()]
            .iter()
            .collect();
    assert!(
        fs::exists(&program).is_ok_and(|exists| exists),
        "{program:?}: cargo test -p CRATE builds it"
    );
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

/// Runs an example that ends by itself; returns its exit status, standard output and standard error.
///
/// # Panics
///
/// If the example cannot be run.
#[must_use]
pub fn run(name: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = example(name).args(arguments).output().expect("the example runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Checks that a subscriber gets every price, and connects again after each.
///
/// # Panics
///
/// If the check fails.
pub fn check_subscriber(name: &str) {
    use crate::prices::{PRICES, TOPIC};

    let (code, out, err) = run(name, &[]);
    assert_eq!((code, &*err), (Some(0), ""), "{name}: {out}");
    let count = |part: &str| out.lines().filter(|line| line.contains(part)).count();
    assert_eq!((count(TOPIC), count("; again in ")), (PRICES, PRICES - 1), "{name}: {out}");
}

/// Checks that `--help` succeeds, and that an unknown option is refused by name.
///
/// # Panics
///
/// If the check fails.
pub fn check_usage(name: &str) {
    let usage = format!("usage: {name}");
    for arguments in [&["--help"][..], &["-h"], &["--help", "--nonsense"]] {
        let (code, out, err) = run(name, arguments);
        assert_eq!((code, &*err), (Some(0), ""), "{name} {arguments:?}");
        assert!(out.starts_with(&usage) && out.ends_with('\n'), "{name}: {out}");
    }
    check_wrong(name, &["--nonsense"], "there is no option --nonsense");
}

/// Checks that wrong arguments are refused with one line, the usage, and status 2.
///
/// # Panics
///
/// If the check fails.
pub fn check_wrong(name: &str, arguments: &[&str], complaint: &str) {
    let (code, out, err) = run(name, arguments);
    assert_eq!((code, &*out), (Some(2), ""), "{name} {arguments:?}: {err}");
    let (first, rest) = err.split_once('\n').unwrap_or_default();
    assert!(first.starts_with(&format!("{name}: {complaint}")), "{name} {arguments:?}: {err}");
    assert!(rest.starts_with(&format!("usage: {name}")), "{name} {arguments:?}: {err}");
}

/// Checks that a server names an address in use and suggests another port, in one line.
///
/// # Panics
///
/// If the check fails.
pub fn check_port_in_use(name: &str, more: &[&str]) {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let (code, out, err) = run(name, &[&[&*address], more].concat());
    assert_eq!((code, &*out), (Some(1), ""), "{name}: {err}");
    assert!(err.starts_with(&format!("{name}: another program listens on {address}")), "{err}");
    assert!(err.contains("choose another port") && err.lines().count() == 1, "{err}");
}

/// Checks that a client names the address that refuses the connection, in one line. `{}` in the arguments
/// stands for that address.
///
/// # Panics
///
/// If the check fails.
pub fn check_refused(name: &str, arguments: &[&str]) {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = gone.local_addr().expect("an address").to_string();
    drop(gone);
    let arguments: Vec<_> =
        arguments.iter().map(|argument| argument.replace("{}", &address)).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (code, _, err) = run(name, &arguments);
    assert_eq!(code, Some(1), "{name}: {err}");
    assert!(err.starts_with(&format!("{name}: cannot connect to {address}: ")), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
}

/// A running server example.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Kept open, so that later output does not fail.
    _out: BufReader<ChildStdout>,
    /// The address that the example printed.
    pub address: String,
}

impl Server {
    /// Starts an example that prints the address it listens on.
    ///
    /// # Panics
    ///
    /// If it prints no address.
    #[must_use]
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = example(name);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the example runs");
        let mut out = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("it prints a line");
        let address = line.split(['/', ' ', '\n']).find(|word| word.contains("127.0.0.1:"));
        let address = address.unwrap_or_else(|| panic!("{name} printed {line:?}")).to_owned();
        Self { child, _out: out, address }
    }

    /// Sends a signal, such as `INT` for Ctrl-C.
    ///
    /// # Panics
    ///
    /// If the program `kill` cannot be run.
    #[cfg(unix)]
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.expect("kill runs").success(), "kill -s {signal} {id}");
    }

    /// Waits for a line on standard error.
    ///
    /// # Panics
    ///
    /// If the example ends without one.
    pub fn wait_for_complaint(&mut self) -> String {
        let err = self.child.stderr.as_mut().expect("standard error is piped");
        let mut line = String::new();
        BufReader::new(err).read_line(&mut line).expect("it prints a line");
        assert!(line.ends_with('\n'), "{line:?}");
        line
    }

    /// Waits until the example ends.
    ///
    /// # Panics
    ///
    /// If waiting fails.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if the example has ended, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
