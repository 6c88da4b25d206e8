//! An adapter is only waiting, reading and writing: a decision about the protocol, or about the calls of a
//! handler, would have to be repeated in every adapter. So the words for such decisions must not occur there.
//!
//! This reads sources, without comments and tests. It cannot prove that nothing is decided; it finds the
//! decisions that adapters once made, and those that are written by habit.

use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of the toy adapter, imports and documentation included.
const TOY: usize = 150;

/// Words that adapters must not contain, and the place of the decision.
const WORDS: &[(&str, &str)] = &[
    // Frames.
    ("Opcode", "wsproto: frame"),
    ("frame::", "wsproto: frame"),
    ("Mask", "wsproto: mask"),
    ("mask(", "wsproto: mask"),
    ("Violation", "wsproto: violation"),
    ("SessionEvent", "ws-common: Link::next"),
    ("Event::Text", "ws-common: Link::next"),
    ("Event::Ping", "wsproto: Session"),
    ("Event::Close", "wsproto: Session"),
    // Closing.
    ("CloseCode::", "ws-common: Conversation and ServerHandle, or the application"),
    ("is_application()", "ws-common: ConnectionLink::close_as_application"),
    // HTTP.
    (".status()", "ws-common: Acceptor, Link, Target; wsproto: the handshake"),
    ("Response::text", "ws-common: Acceptor; wsproto: Session"),
    ("is_upgrade()", "ws-common: Acceptor"),
    ("redirected(", "ws-common: Target"),
    // Sizes.
    ("max_message_size", "wsproto: receive"),
    ("max_frame_size", "wsproto: receive"),
    ("high_water_mark", "wsproto: Endpoint"),
    // The calls of a handler.
    ("on_open", "ws-common: Conversation and Acceptor"),
    ("on_message", "ws-common: Conversation"),
    ("on_drained", "ws-common: Conversation"),
    ("on_error", "ws-common: Conversation and Acceptor"),
    ("on_terminate", "ws-common: Conversation and Acceptor"),
    ("on_connection", "ws-common: Acceptor"),
    ("on_request", "ws-common: Acceptor"),
    ("catch_unwind", "ws-common: Conversation and Acceptor"),
];

/// Exceptions: file, word, reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("crates/ws-tokio/src/upgrade/http.rs", ".status()", "it copies it to a type of hyper's"),
    ("crates/ws-tokio/src/h2/exchange.rs", ".status()", "it copies it from a type of hyper's"),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// Returns the Rust files below a folder, or the file itself.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).expect("a folder");
    let mut found: Vec<_> =
        entries.flat_map(|entry| files(&entry.expect("an entry").path())).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    found
}

/// Returns whether a file is a module `tests`, or one of its children.
fn is_test(file: &Path) -> bool {
    let folder = file.parent().and_then(Path::file_name);
    file.file_name().is_some_and(|name| name == "tests.rs")
        || folder.is_some_and(|name| name == "tests")
}

/// Returns the numbered lines of code, without comments, up to the tests.
fn code(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.lines().zip(1..).map(|(line, number)| (number, line.trim_start()));
    lines.take_while(|(_, line)| *line != "mod tests {").filter(|(_, line)| !line.starts_with("//"))
}

#[test]
fn a_toy_is_short() {
    let toy = fs::read_to_string(workspace().join("tests/src/adapters/toy.rs")).expect("the toy");
    let lines = toy.lines().count();
    assert!(lines <= TOY, "{lines} lines");
}

#[test]
fn adapters_do_not_speak_of_the_protocol() {
    let root = workspace();
    let mut found = Vec::new();
    let mut used = vec![false; ALLOWED.len()];
    for adapter in [
        "crates/ws-std/src",
        "crates/ws-mio/src",
        "crates/ws-tokio/src",
        "tests/src/adapters/toy.rs",
    ] {
        let files = files(&root.join(adapter));
        assert!(!files.is_empty(), "{adapter}");
        for file in files {
            if is_test(&file) {
                continue;
            }
            let name = file.strip_prefix(&root).expect("a file of the workspace");
            let source = fs::read_to_string(&file).expect("a source");
            for (number, line) in code(&source) {
                for (word, home) in WORDS.iter().filter(|(word, _)| line.contains(word)) {
                    let allowed = |(path, allowed, _): &(&str, &str, &str)| {
                        name == Path::new(path) && word == allowed
                    };
                    match ALLOWED.iter().position(allowed) {
                        Some(index) => used[index] = true,
                        None => found.push(format!(
                            "{}:{number}: {word:?} belongs to {home}: {line}",
                            name.display()
                        )),
                    }
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    for ((path, word, reason), used) in ALLOWED.iter().zip(used) {
        assert!(used, "{path} has no {word:?} any more, which it had because {reason}");
    }
}

/// The code below the adapters uses every word; otherwise the check would find nothing.
#[test]
fn the_words_are_spoken_below() {
    let root = workspace();
    let below = ["crates/wsproto/src", "crates/ws-common/src"];
    let sources: Vec<_> = below
        .iter()
        .flat_map(|folder| files(&root.join(folder)))
        .map(|file| fs::read_to_string(file).expect("a source"))
        .collect();
    for (word, _) in WORDS {
        let spoken = sources.iter().any(|source| code(source).any(|(_, line)| line.contains(word)));
        assert!(spoken, "{word:?}");
    }
}
