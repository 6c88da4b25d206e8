//! Names that are printable and unique.

use super::MAX_NAME;
use crate::terminal::controls;

/// Makes a name printable: one line, limited length, and no characters that rearrange the text beside it.
pub(super) fn clean(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|c| !controls(*c))
        .take(MAX_NAME)
        .collect::<String>()
        .trim()
        .into()
}

/// Returns `wanted`, with a number appended if it is taken: `Ann`, `Ann 2`, `Ann 3`.
pub(super) fn free(wanted: &str, taken: &[&str]) -> String {
    // `Ann` and `ann` are too similar.
    let taken: Vec<_> = taken.iter().map(|name| name.to_lowercase()).collect();
    let is_free = |name: &String| !taken.contains(&name.to_lowercase());
    let numbered = (2..=taken.len() + 1).map(|number| format!("{wanted} {number}"));
    // One more candidate than there are names: one is free.
    std::iter::once(wanted.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_names_fit_in_a_line() {
        assert_eq!(clean("  Ann \n\t Lee "), "Ann Lee");
        assert_eq!(clean("\u{202e}Ann\0\u{200f}"), "Ann");
        assert_eq!(clean(&"x".repeat(99)).len(), MAX_NAME);
        assert_eq!(clean(&"é".repeat(99)).chars().count(), MAX_NAME);
        assert_eq!(clean(" \u{2066} "), "");
    }

    #[test]
    fn taken_names_get_a_number() {
        assert_eq!(free("Ann", &[]), "Ann");
        assert_eq!(free("Ann", &["Bob"]), "Ann");
        assert_eq!(free("Ann", &["ann"]), "Ann 2");
        assert_eq!(free("Ann", &["Ann", "Ann 2"]), "Ann 3");
        assert_eq!(free("Ann", &["Ann", "Ann 3"]), "Ann 2");
        assert_eq!(free("Ann 2", &["Ann", "Ann 2"]), "Ann 2 2");
    }
}
