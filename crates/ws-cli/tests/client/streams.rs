//! Standard output and standard error that cannot be written.

use std::fs::File;
use std::process::Command;

use ws_std::ServerOptions;

use super::support::{command, echo, end, url, wait};

/// A file whose disk is always full.
fn full() -> File {
    File::options().write(true).open("/dev/full").expect("Linux has it")
}

fn status(mut command: Command) -> Option<i32> {
    wait(command.spawn().expect("it starts")).status
}

#[test]
fn output_that_is_lost_is_no_clean_end() {
    let server = echo(ServerOptions::new());
    let url = url(&server);
    for arguments in [
        &[&*url, "-x", "hi", "-n", "1"][..],
        &[&url, "-x", "hi", "--jsonl"],
        &["bench", &url, "--duration", "10ms", "--warmup", "0"],
        &["bench", &url, "--duration", "10ms", "--warmup", "0", "--jsonl"],
        &["check", &url, "--only", "host-missing"],
        &["check", "--list"],
        &["man"],
        &["--help"],
        &["trace", "/dev/null", "--to", "server"],
        &["completions", "bash"],
    ] {
        let mut command = command(arguments);
        command.stdout(full());
        let ended = wait(command.spawn().expect("it starts"));
        assert_eq!(ended.status, Some(3), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains("standard output: "), "{arguments:?}: {}", ended.err);
    }
    end(server);
}

#[test]
fn standard_error_may_be_lost() {
    let server = echo(ServerOptions::new());
    let url = url(&server);
    for (arguments, expected) in [
        (&[&*url, "-x", "hi", "-v"][..], 0),
        (&["ws://127.0.0.1:1/"], 1),
        (&["ftp://127.0.0.1/"], 64),
        (&["--nonsense"], 64),
    ] {
        let mut command = command(arguments);
        command.stderr(full());
        assert_eq!(status(command), Some(expected), "{arguments:?}");
    }
    end(server);
}
