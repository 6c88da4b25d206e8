//! Printing untrusted text in a terminal.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Replaces characters that control the terminal: a message must not clear the screen or reverse the text
/// after it.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if controls(c) { '\u{fffd}' } else { c }).collect()
}

/// Whether a character controls a terminal, or the direction of the text around it.
pub(crate) fn controls(c: char) -> bool {
    let turns_text = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    // U+2028 and U+2029 are line breaks, too.
    c.is_control() || turns_text || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Returns the local hour and minute of a time in milliseconds since 1970.
#[must_use]
pub fn local_time(milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    time.to_zoned(TimeZone::system()).strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_controlled() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}c\nd"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
        let family = "👩‍👩‍👧 שלום 你好";
        assert_eq!(printable(family), family);
    }

    #[test]
    fn times_are_hours_and_minutes() {
        let time = local_time(1_700_000_000_000);
        assert!(time.len() == 5 && time.as_bytes()[2] == b':', "{time}");
        assert_eq!(local_time(i64::MAX).len(), 5);
    }
}
