//! Every item of the object model is named by a test, and every item that a test names exists.
//!
//! `OBJECTS.md` of `ws-common` lists the items, and the decisions where documents disagree. An item is
//! named in a comment of a test source, or behind `proves:` in a case of the corpus; where neither names
//! it, its row has to say *no test*, and why.

mod named;

use std::collections::BTreeMap;
use std::fs;

use named::{assert_none, named, root};

/// The number of items in each document, and the number of conflicts between them.
const ITEMS: [(&str, usize); 5] = [("S1-", 7), ("S2-", 20), ("S3-", 14), ("S4-", 20), ("X", 21)];

/// Whether `word` has the form of an item's name.
fn is_item(word: &str) -> bool {
    let number = ITEMS.iter().find_map(|(document, _)| word.strip_prefix(document));
    number.is_some_and(|digits| digits.parse::<usize>().is_ok())
}

/// Returns the last field of each item's row in `OBJECTS.md`.
fn rows() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("crates/ws-common/OBJECTS.md")).expect("OBJECTS.md");
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if let [item, _, rust] = fields[..]
            && is_item(item)
        {
            let before = rows.insert(item.to_owned(), rust.to_owned());
            assert!(before.is_none(), "{item} is there twice");
        }
    }
    rows
}

#[test]
fn every_item_has_a_row() {
    let rows = rows();
    let all = ITEMS
        .iter()
        .flat_map(|(document, most)| (1..=*most).map(move |number| format!("{document}{number}")));
    let missing: Vec<_> = all.filter(|item| !rows.contains_key(item)).collect();
    assert_none("items without a row", &missing);
    assert_eq!(rows.len(), ITEMS.iter().map(|(_, most)| most).sum(), "rows about nothing");
}

#[test]
fn every_item_has_a_test_or_a_reason() {
    let named = named(is_item);
    let wrong = rows().into_iter().filter(|(item, rust)| {
        let excused = rust.split_once("*No test*: ").is_some_and(|(_, reason)| !reason.is_empty());
        excused == named.contains_key(item)
    });
    let wrong: Vec<_> = wrong.map(|(item, rust)| format!("{item}: {rust}")).collect();
    assert_none("items that neither test nor reason has, or that both have", &wrong);
}

#[test]
fn every_item_that_is_named_exists() {
    let rows = rows();
    let unknown = named(is_item).into_iter().filter(|(item, _)| !rows.contains_key(item));
    let unknown: Vec<_> = unknown.map(|(item, places)| format!("{item}: {places:?}")).collect();
    assert_none("names that OBJECTS.md does not have", &unknown);
}
