//! Every rule that the project keeps is named by a test, and every rule that a test names exists.
//!
//! `rules.txt` lists the rules. A rule is named in a comment of a test source, or behind `proves:`
//! in a case of the corpus; where neither names it, `rules.txt` has to say why. This proves that a
//! test names the rule, not that it tests it.

mod named;

use std::collections::BTreeSet;
use std::fs;

use named::{assert_none, ids, named, root};

/// Lines of `rules.txt` are shorter than this.
const TOO_LONG: usize = 140;

/// One line of `rules.txt`.
struct Rule {
    id: String,
    untested: bool,
}

/// Reads `rules.txt`, with a complaint for each line that is not `ID | who | rule.`, with or without
/// `| untested: reason` behind it.
fn rules() -> (Vec<Rule>, Vec<String>) {
    let text = fs::read_to_string(root().join("tests/rules.txt")).expect("tests/rules.txt");
    let (mut rules, mut complaints) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let (id, who, rule, reason) = match fields[..] {
            [id, who, rule] => (id, who, rule, None),
            [id, who, rule, reason] => (id, who, rule, Some(reason)),
            _ => ("", "", "", None),
        };
        let reason = reason.map(|reason| reason.strip_prefix("untested: ").unwrap_or_default());
        let who = who.strip_suffix("/adapter").unwrap_or(who);
        let well_formed = is_id(id)
            && ["client", "server", "both"].contains(&who)
            && rule.ends_with('.')
            && reason != Some("")
            && line.chars().count() < TOO_LONG;
        if !well_formed {
            complaints.push(format!("rules.txt:{}: {line}", index + 1));
        }
        rules.push(Rule { id: id.to_owned(), untested: reason.is_some() });
    }
    (rules, complaints)
}

/// Whether `word` has the form of an ID: `R`, an RFC number, section and item; or `E` and a number.
fn is_id(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rule = word.strip_prefix('R').and_then(|rest| rest.split_once('-'));
    rule.is_some_and(|(rfc, _)| rfc.len() == 4 && digits(rfc))
        || word.strip_prefix('E').is_some_and(digits)
}

#[test]
fn the_list_is_well_formed() {
    let (rules, mut complaints) = rules();
    let mut seen = BTreeSet::new();
    let twice = rules.iter().filter(|rule| !seen.insert(&rule.id));
    complaints.extend(twice.map(|rule| format!("{} is there twice", rule.id)));
    assert_none("lines that are no `ID | who | rule.`, too long, or repeated", &complaints);
}

#[test]
fn every_rule_has_a_test_or_a_reason() {
    let named = named(is_id);
    let missing = rules().0.into_iter().filter(|rule| !rule.untested);
    let missing = missing.map(|rule| rule.id).filter(|id| !named.contains_key(id));
    assert_none("rules that no test names, and no reason excuses", &missing.collect::<Vec<_>>());
}

#[test]
fn no_rule_has_a_test_and_a_reason() {
    let named = named(is_id);
    let excused = rules().0.into_iter().filter(|rule| rule.untested);
    let both = excused.filter_map(|rule| Some(format!("{} {:?}", rule.id, named.get(&rule.id)?)));
    assert_none("rules that are `untested`, and yet named", &both.collect::<Vec<_>>());
}

#[test]
fn every_rule_that_is_named_exists() {
    let known: BTreeSet<String> = rules().0.into_iter().map(|rule| rule.id).collect();
    let unknown = named(is_id).into_iter().filter(|(id, _)| !known.contains(id));
    let unknown = unknown.map(|(id, places)| format!("{id}: {}", places.join(", ")));
    assert_none("names that rules.txt does not have", &unknown.collect::<Vec<_>>());
}

#[test]
fn an_id_is_found_as_a_whole_or_not_at_all() {
    let line = "R1-2 R1234-5.6-7, R1234-5.6-78. (R1234-5.6-x): E12 E12A 0xE1 fE1 R1234_5 E1; E-1";
    let found: Vec<&str> = ids(line, is_id).collect();
    assert_eq!(found, ["R1234-5.6-7", "R1234-5.6-78", "R1234-5.6-x", "E12", "E1"]);
}
