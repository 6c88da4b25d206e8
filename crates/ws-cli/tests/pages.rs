//! `ws completions` and `ws man`.

use std::process::Command;

fn ws(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ws"))
        .args(args)
        .env_remove("COLUMNS")
        .output()
        .expect("ws runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn completions_know_every_command_and_option() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script, err) = ws(&["completions", shell]);
        assert_eq!((code, &*err), (Some(0), ""), "{shell}");
        for word in ["listen", "replay", "trace", "max-processes", "subprotocol"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(ws(&["completions", "csh"]).0, Some(64));
}

/// The generated script alone would take the first word for the URL always.
#[test]
fn zsh_completes_commands_before_a_url() {
    let (_, script, _) = ws(&["completions", "zsh"]);
    assert!(script.contains("        (listen|replay|trace|check|bench|completions|man|help) (("));
    assert!(script.contains("\n\"${url[@]}\" \\\n\":: :_ws_commands\" \\\n"), "{script}");
    assert!(script.contains("case $line[$((1 + $#url))] in") && !script.contains("$line[2]"));
}

#[test]
fn a_word_too_many_is_no_command() {
    for args in [&["ws://localhost/", "--reconnect", "3"][..], &["lisen", "3"]] {
        let (code, _, err) = ws(args);
        assert_eq!(code, Some(64), "{err}");
        assert!(err.starts_with("error: unexpected argument '3'"), "{err}");
    }
    let (_, _, err) = ws(&["ws://localhost/", "listen"]);
    assert!(err.contains("'listen' cannot be used with"), "{err}");
}

#[test]
fn help_fits_a_terminal() {
    for args in
        [&["-h"][..], &["--help"], &["listen", "--help"], &["check", "-h"], &["bench", "-h"]]
    {
        let (code, help, _) = ws(args);
        assert_eq!(code, Some(0), "{args:?}");
        assert!(help.contains("TIME is a number with a unit"), "{help}");
        let widest = help.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{args:?}: {widest:?} characters\n{help}");
    }
}

#[test]
fn there_is_a_page_for_each_command() {
    let (code, page, _) = ws(&["man"]);
    assert_eq!(code, Some(0));
    assert!(page.contains(".TH ws 1") && page.contains("ws\\-listen(1)"), "{page}");
    let (code, page, _) = ws(&["man", "listen"]);
    assert_eq!(code, Some(0));
    assert!(page.contains(".TH ws-listen 1") && page.contains("\\-\\-max\\-processes"), "{page}");
    let (code, _, err) = ws(&["man", "dance"]);
    assert_eq!((code, &*err), (Some(64), "ws: there is no command \"dance\"\n"));
}
