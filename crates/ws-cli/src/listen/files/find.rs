//! From the path of a request to a file of the folder, and to nothing else.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

/// The target of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A file in the folder.
    File(PathBuf),
    /// A folder, requested without the `/` at its end; the path with one.
    Folder(String),
    /// Nothing that is served.
    Nothing,
}

/// Finds the file of a path in `root`, which must be canonical. The file of a folder is its `index.html`.
///
/// Not served: what lies outside of the folder, also by a symbolic link; files and folders that are hidden, which
/// begin with a dot; devices, pipes and sockets, which could wait for ever.
pub(super) fn find(root: &Path, path: &str) -> Found {
    let Some(names) = path.strip_prefix('/') else { return Found::Nothing };
    let (names, is_folder) = match names.strip_suffix('/') {
        Some(names) => (names, true),
        None => (names, names.is_empty()),
    };
    let mut wanted = root.to_owned();
    for name in names.split('/').filter(|_| !names.is_empty()) {
        match percent_decode_str(name).decode_utf8() {
            Ok(name) if is_name(&name) => wanted.push(&*name),
            _ => return Found::Nothing,
        }
    }
    let Some(found) = inside(root, &wanted) else { return Found::Nothing };
    match (found.is_dir(), is_folder) {
        (true, true) => match inside(root, &found.join("index.html")) {
            Some(index) if index.is_file() => Found::File(index),
            _ => Found::Nothing,
        },
        (true, false) => Found::Folder(format!("{path}/")),
        (false, false) if found.is_file() => Found::File(found),
        (false, _) => Found::Nothing,
    }
}

/// Returns whether a part of a path is the name of a file that is not hidden, on any system.
fn is_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let is_one = components.next() == Some(Component::Normal(OsStr::new(name)));
    is_one
        && components.next().is_none()
        && !name.starts_with('.')
        && !name.contains(['\\', ':', '\0'])
}

/// Resolves symbolic links. Returns `None` if there is no file, if it lies outside of the folder, or is hidden there.
fn inside(root: &Path, wanted: &Path) -> Option<PathBuf> {
    let found = wanted.canonicalize().ok()?;
    let is_hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    let is_served = !found.strip_prefix(root).ok()?.components().any(is_hidden);
    is_served.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_single_and_visible() {
        for name in ["a", "a b", "a..b", "ä.html", "%"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", ".git", "a/b", "/etc", "a\\b", "c:", "a\0"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
