//! Replays the corpora, and the case corpus of the conformance tests, through the fuzz targets.

use std::fs;
use std::path::Path;

use conformance::cases;
use conformance::model::Role;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn replay(name: &str, target: impl Fn(&[u8])) {
    let folder = Path::new(ROOT).join("corpus").join(name);
    let files = fs::read_dir(&folder).expect("every target has a corpus");
    let mut count = 0;
    for file in files {
        let path = file.expect("a file").path();
        target(&fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

#[test]
fn receive() {
    replay("receive", wsproto_fuzz::receive);
}

#[test]
fn handshake_server() {
    replay("handshake_server", wsproto_fuzz::handshake_server);
}

#[test]
fn handshake_client() {
    replay("handshake_client", wsproto_fuzz::handshake_client);
}

#[test]
fn parts() {
    replay("parts", wsproto_fuzz::parts);
}

#[test]
fn the_case_corpus_is_a_corpus_too() {
    for case in cases::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases"))) {
        for role in [Role::Server, Role::Client] {
            let wire = case.input(role, [0x9C, 0x27, 0xE1, 0x5B]);
            if wire.len() <= 4096 {
                let choices = [u8::from(role == Role::Client), wire.len() as u8];
                wsproto_fuzz::receive(&[&choices, &wire[..]].concat());
            }
        }
    }
}
