//! What a terminal may be shown: colours if it wants them, and no control characters of a peer.

use std::env;
use std::fmt::Write;
use std::io::{self, IsTerminal, Write as _};

use serde::Serialize;

/// Makes the characters visible that control a terminal, or the direction of text: `\u{1b}` and the like. A peer
/// must not clear the screen, move the cursor or turn the text after it around. Line feeds and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    escaped(text, |c| !matches!(c, '\n' | '\t') && controls(c))
}

/// As [`visible`], for one line: line feeds are made visible, too.
pub(crate) fn printable(text: &str) -> String {
    escaped(text, controls)
}

fn escaped(text: &str, escape: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match escape(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

/// Returns whether a character controls a terminal, or the direction of the text around it (UAX #9).
fn controls(c: char) -> bool {
    let turns_text = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    // U+2028 and U+2029 are line breaks, too.
    c.is_control() || turns_text || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Returns a value as JSON on one line, in which the characters are escapes that [`printable`] makes visible.
pub(crate) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(visible_json)
}

/// As [`json`], on many lines.
pub(crate) fn pretty_json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(visible_json)
}

/// JSON escapes only the control characters of ASCII, and not all of those. Line feeds are not part of its strings.
fn visible_json(json: String) -> String {
    let is_hidden = |c| c != '\n' && controls(c);
    if !json.contains(is_hidden) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match is_hidden(c) {
            // Each of them has four digits. A String takes everything.
            true => drop(write!(out, "\\u{:04x}", u32::from(c))),
            false => out.push(c),
        }
    }
    out
}

/// Prints a line on standard error, at once. That nobody reads it any more is no reason to end.
pub(crate) fn tell(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        // A String takes everything.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The colours of a stream: none unless it is a terminal, and none with `NO_COLOR` or the terminal `dumb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colours(bool);

impl Colours {
    /// Returns the colours for a stream.
    pub(crate) fn of(stream: &impl IsTerminal) -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self(stream.is_terminal() && !refused && !dumb)
    }

    /// Paints a warning.
    pub(crate) fn loud(self, text: &str) -> String {
        self.painted("1;31", text)
    }

    /// Paints a mark that is not part of the text.
    pub(crate) fn quiet(self, text: &str) -> String {
        self.painted("2", text)
    }

    /// Returns no colours.
    #[cfg(test)]
    pub(crate) const fn none() -> Self {
        Self(false)
    }

    fn painted(self, code: &str, text: &str) -> String {
        match self.0 {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_visible() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}c\nd"), "a\\u{1b}[2Jb\\u{202e}c\\nd");
        assert_eq!(visible("a\x1b]0;x\x07\n\tb\u{9b}"), "a\\u{1b}]0;x\\u{7}\n\tb\\u{9b}");
        let family = "👩‍👩‍👧 שלום 你好";
        assert_eq!(visible(family), family);
    }

    #[test]
    fn json_has_escapes_and_means_the_same() {
        let text = "a\u{9b}2J\u{7f}\u{202e}\u{2028}\n\x1bé";
        let line = json(&text).expect("JSON");
        assert_eq!(line, r#""a\u009b2J\u007f\u202e\u2028\n\u001bé""#);
        assert_eq!(serde_json::from_str::<String>(&line).expect("JSON"), text);
        assert_eq!(pretty_json(&["\u{9b}"]).expect("JSON"), "[\n  \"\\u009b\"\n]");
    }

    #[test]
    fn colours_are_optional() {
        assert_eq!(Colours(true).loud("x"), "\x1b[1;31mx\x1b[0m");
        assert_eq!(Colours(false).loud("x"), "x");
    }

    #[test]
    fn bytes_are_two_digits() {
        assert_eq!(hex(&[0, 0x0f, 0xff]), "000fff");
    }
}
