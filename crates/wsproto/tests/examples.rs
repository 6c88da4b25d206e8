//! The examples that take arguments, run as a user would.
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
    for name in ["own_loop", "trace"] {
        let (code, out, err) = run(name, &["--help"]);
        assert_eq!((code, &*err), (Some(0), ""));
        assert!(out.starts_with(&format!("usage: {name}")), "{out}");

        let (code, out, err) = run(name, &["--nonsense"]);
        assert_eq!((code, &*out), (Some(2), ""));
        let lines: Vec<_> = err.lines().take(2).collect();
        assert!(
            lines[0].starts_with(&format!("{name}: ")) && lines[0].contains("--nonsense"),
            "{err}"
        );
        assert!(lines[1].starts_with(&format!("usage: {name}")), "{err}");
    }
    let (code, _, err) = run("trace", &["server", "--chunk", "0"]);
    assert_eq!(code, Some(2));
    assert!(err.starts_with("trace: --chunk cannot be \"0\": "), "{err}");
}

#[test]
fn a_port_in_use_is_named() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let (code, out, err) = run("own_loop", &[&address]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(err.contains(&address) && err.contains("choose another port"), "{err}");
}

#[cfg(feature = "deflate")]
#[test]
fn the_parameters_of_a_compressed_capture_are_checked() {
    let (code, out, err) = run("trace", &["client", "--deflate", "foo"]);
    assert_eq!((code, &*out), (Some(2), ""));
    assert!(
        err.starts_with("trace: --deflate \"foo\": permessage-deflate has no parameter"),
        "{err}"
    );
    let (code, out, _) = run("trace", &["client", "--deflate", "server_max_window_bits=9"]);
    assert_eq!((code, &*out), (Some(0), "{\"event\":\"end\",\"out\":\"\"}\n"));
}
