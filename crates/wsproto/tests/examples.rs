//! The example that takes arguments, run as a user would.
//!
//! `cargo test` builds the examples; with `--test examples` alone it does not.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::{env, fs};

/// Runs an example; returns its exit status, standard output and standard error.
fn run(name: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    // The tests are in target/debug/deps, the examples in target/debug/examples.
    let test = env::current_exe().expect("a test knows its own file");
    let profile = test.ancestors().nth(2).expect("a test is in a folder of target");
    let program = profile.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION);
    assert!(fs::exists(&program).is_ok_and(|exists| exists), "cargo test -p wsproto builds {name}");
    let output =
        Command::new(program).args(arguments).stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn usage_is_printed() {
    let (code, out, err) = run("own_loop", &["--help"]);
    assert_eq!((code, &*err), (Some(0), ""));
    assert!(out.starts_with("usage: own_loop"), "{out}");

    let (code, out, err) = run("own_loop", &["--nonsense"]);
    assert_eq!((code, &*out), (Some(2), ""));
    let lines: Vec<_> = err.lines().take(2).collect();
    assert!(lines[0].starts_with("own_loop: ") && lines[0].contains("--nonsense"), "{err}");
    assert!(lines[1].starts_with("usage: own_loop"), "{err}");
}

#[test]
fn a_port_in_use_is_named() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let (code, out, err) = run("own_loop", &[&address]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(err.contains(&address) && err.contains("choose another port"), "{err}");
}
