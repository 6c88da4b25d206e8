use std::collections::BTreeSet;

use super::*;
use crate::check::probe::Ask;
use crate::check::send::Send;

fn probes() -> impl Iterator<Item = &'static Probe> {
    all().map(|(_, probe)| probe)
}

#[test]
fn names_are_unique_words() {
    let names: BTreeSet<_> = probes().map(|probe| probe.id).collect();
    assert_eq!(names.len(), probes().count());
    let word = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
    };
    assert!(names.iter().all(|name| word(name)), "{names:?}");
}

#[test]
fn every_probe_names_its_rule_and_fits_a_line() {
    for probe in probes() {
        assert!(probe.rule.starts_with("RFC ") && probe.rule.contains(" section "), "{probe:?}");
        assert!(probe.claim.len() + probe.id.len() + probe.rule.len() < 100, "{probe:?}");
    }
}

/// A probe is safe to send: it has few bytes, and no frame that the server could hold for long.
#[test]
fn probes_are_small() {
    for probe in probes() {
        if let Ask::Frames(parts, _) = probe.ask {
            let mut bytes = Vec::new();
            parts.iter().for_each(|part: &Send| part.encode(&mut bytes));
            assert!(bytes.len() <= (1 << 16) + 14, "{}: {} bytes", probe.id, bytes.len());
        }
    }
}
