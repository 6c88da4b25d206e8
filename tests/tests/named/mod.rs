//! What the tests name, and where.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every ID that a test, its source or a case names, and the places where.
pub(crate) fn named(is_id: fn(&str) -> bool) -> BTreeMap<String, Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join("crates")).expect("the folder of the crates") {
        let folder = entry.expect("a crate").path();
        collect(&folder.join("tests"), &mut files);
        collect(&folder.join("src"), &mut files);
    }
    for folder in ["fuzz/tests", "tests/cases", "tests/tests"] {
        collect(&root().join(folder), &mut files);
    }
    files.sort();

    let mut named = BTreeMap::<String, Vec<String>>::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a text file");
        // Elsewhere, two bytes of a payload may look like an ID.
        let prefix = if file.extension().is_some_and(|ext| ext == "rs") { "//" } else { "proves:" };
        // In the sources, tests are a file of their own, or the module at the end.
        let is_source = file.components().any(|part| part.as_os_str() == "src");
        let mut in_tests = !is_source || file.file_stem().is_some_and(|stem| stem == "tests");
        // In the source of a crate, tests of its parts come last.
        let first = match file.components().any(|part| part.as_os_str() == "src") {
            true if !file.ends_with("tests.rs") => {
                text.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(usize::MAX)
            }
            _ => 0,
        };
        let file = file.strip_prefix(root()).expect("a file of the project").display();
        for (index, line) in text.lines().enumerate().skip(first) {
            in_tests |= line == "mod tests {";
            if !in_tests {
                continue;
            }
            let line = line.trim_start().strip_prefix(prefix).unwrap_or_default();
            for id in ids(line, is_id) {
                named.entry(id.to_owned()).or_default().push(format!("{file}:{}", index + 1));
            }
        }
    }
    named
}

/// Adds the `.rs` and `.txt` files in `folder` and below, if it exists.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "rs" || ext == "txt") {
            files.push(path);
        }
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the workspace")
}

/// The IDs in a line, each with everything that may belong to it, so that none is found in another.
pub(crate) fn ids(line: &str, is_id: fn(&str) -> bool) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c));
    words.map(|word| word.trim_end_matches(['.', '-'])).filter(move |word| is_id(word))
}

pub(crate) fn assert_none(what: &str, lines: &[String]) {
    assert!(lines.is_empty(), "{}: {what}\n  {}\n", lines.len(), lines.join("\n  "));
}
