//! Replays the corpora, and the case corpus of the conformance tests, through the fuzz targets.

use std::fs;
use std::path::Path;

use conformance::cases;
use conformance::model::Role;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_target_replays_its_corpus() {
    for (name, target) in wsproto_fuzz::TARGETS {
        let folder = Path::new(ROOT).join("corpus").join(name);
        let files = fs::read_dir(&folder).expect("every target has a corpus");
        let mut count = 0;
        for file in files {
            let path = file.expect("a file").path();
            // A panic does not name the file; this line in the test's output does.
            println!("{}", path.display());
            target(&fs::read(&path).expect("a file that can be read"));
            count += 1;
        }
        assert!(count > 0, "{} is empty", folder.display());
    }
}

#[test]
fn every_target_can_be_run_by_its_name() {
    let files = fs::read_dir(Path::new(ROOT).join("fuzz_targets")).expect("the targets");
    let mut names: Vec<String> = files
        .map(|file| {
            file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into()
        })
        .collect();
    let mut listed = wsproto_fuzz::TARGETS.map(|(name, _)| name);
    names.sort();
    listed.sort_unstable();
    assert_eq!(names, listed);
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
