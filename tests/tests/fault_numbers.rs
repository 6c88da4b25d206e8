//! Every fault that was found in use is named by a test, and every fault that a test names exists.
//!
//! `faults.txt` lists the faults. A fault is named in a comment of a test source, or behind `proves:` in a
//! case of the corpus: `L2`, `B7`, `T13`, `H3`; and `fault-E2`, since `rules.txt` has an E of its own.

mod named;

use std::collections::BTreeSet;
use std::fs;

use named::{assert_none, ids, named, root};

/// The names of adapters, the engine and all of them.
const ADAPTERS: [&str; 5] = ["engine", "std", "mio", "tokio", "all"];

/// Lines of `faults.txt` are shorter than this.
const TOO_LONG: usize = 140;

/// Whether `word` has the form of a fault's name.
fn is_name(word: &str) -> bool {
    is_number(word.strip_prefix("fault-").unwrap_or(word)) && !word.starts_with('E')
}

/// Whether `word` is a fault number: a letter, one or two digits, optionally a lower-case letter.
fn is_number(word: &str) -> bool {
    let Some(number) = word.strip_prefix(['L', 'B', 'T', 'H', 'E', 'M']) else { return false };
    let digits = number.strip_suffix(|c: char| c.is_ascii_lowercase()).unwrap_or(number);
    (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the name that tests use for a number.
fn name(number: &str) -> String {
    if number.starts_with('E') { format!("fault-{number}") } else { number.to_owned() }
}

/// Reads `faults.txt`: the numbers, and a complaint for each line that is not
/// `number | adapters | the rule.`
fn faults() -> (Vec<String>, Vec<String>) {
    let text = fs::read_to_string(root().join("tests/faults.txt")).expect("tests/faults.txt");
    let (mut faults, mut complaints) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split(" | ").collect();
        let well_formed = match fields[..] {
            [number, adapters, rule] => {
                is_number(number)
                    && adapters.split(", ").all(|adapter| ADAPTERS.contains(&adapter))
                    && rule.ends_with('.')
                    && line.chars().count() < TOO_LONG
            }
            _ => false,
        };
        if !well_formed {
            complaints.push(format!("faults.txt:{}: {line}", index + 1));
        }
        faults.push(fields[0].to_owned());
    }
    (faults, complaints)
}

#[test]
fn the_list_is_well_formed() {
    let (faults, mut complaints) = faults();
    let mut seen = BTreeSet::new();
    let twice = faults.iter().filter(|number| !seen.insert(*number));
    complaints.extend(twice.map(|number| format!("{number} is there twice")));
    assert_none("lines that are no `number | adapters | the rule.`, or repeated", &complaints);
}

#[test]
fn every_fault_has_a_test() {
    let named = named(is_name);
    let missing = faults().0.into_iter().filter(|number| !named.contains_key(&name(number)));
    assert_none("faults that no test names", &missing.collect::<Vec<_>>());
}

#[test]
fn every_fault_that_is_named_exists() {
    let known: BTreeSet<String> = faults().0.iter().map(|number| name(number)).collect();
    let unknown = named(is_name).into_iter().filter(|(name, _)| !known.contains(name));
    let unknown = unknown.map(|(name, places)| format!("{name}: {}", places.join(", ")));
    assert_none("names that faults.txt does not have", &unknown.collect::<Vec<_>>());
}

#[test]
fn a_name_is_found_as_a_whole_or_not_at_all() {
    let line = "L1 L1d, B10. (T3): H4; fault-E2 E2 E10 L100 fault-E22 L fL1 B1.2 T1-3 L1D 0xB1";
    let found: Vec<&str> = ids(line, is_name).collect();
    assert_eq!(found, ["L1", "L1d", "B10", "T3", "H4", "fault-E2", "fault-E22"]);
}
