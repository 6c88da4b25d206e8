//! Topics as names of a broker: NATS subjects and Redis channels.
//!
//! Letters and digits of ASCII, `-` and `_` stand for themselves, every other byte of the topic's UTF-8 is `%`
//! and two digits, and the empty topic is a lone `%`. So a name has no dot, wildcard or space, and two topics
//! never have the same name.

/// The digits of an escaped byte.
const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Returns the name of a topic: the prefix, a dot, and the escaped topic.
pub(crate) fn to_name(prefix: &str, topic: &str) -> String {
    let mut name = String::with_capacity(prefix.len() + 1 + topic.len());
    name.push_str(prefix);
    name.push('.');
    if topic.is_empty() {
        name.push('%');
    }
    for byte in topic.bytes() {
        if is_plain(byte) {
            name.push(char::from(byte));
        } else {
            let [high, low] = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
            name.extend(['%', char::from(high), char::from(low)]);
        }
    }
    name
}

/// Returns the topic of a name, or `None` if no topic has this name.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn from_name(prefix: &str, name: &[u8]) -> Option<String> {
    let escaped = name.strip_prefix(prefix.as_bytes())?.strip_prefix(b".")?;
    if escaped == b"%" {
        return Some(String::new());
    }
    if escaped.is_empty() {
        return None;
    }
    let mut topic = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    loop {
        rest = match rest {
            [] => return String::from_utf8(topic).ok(),
            [b'%', high, low, rest @ ..] => {
                let byte = (digit(*high)? << 4) | digit(*low)?;
                // A name has one spelling only.
                if is_plain(byte) {
                    return None;
                }
                topic.push(byte);
                rest
            }
            [byte, rest @ ..] if is_plain(*byte) => {
                topic.push(*byte);
                rest
            }
            _ => return None,
        }
    }
}

/// Returns whether a prefix consists of characters that names have, in parts separated by dots.
pub(crate) fn is_prefix(prefix: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_plain);
    prefix.len() <= MAX_PREFIX && prefix.split('.').all(is_part)
}

/// The most bytes of a prefix.
const MAX_PREFIX: usize = 100;

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(any(test, feature = "redis"))]
fn digit(byte: u8) -> Option<u8> {
    DIGITS.iter().position(|digit| *digit == byte).and_then(|at| u8::try_from(at).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_have_no_wildcard_dot_or_space() {
        let cases = [
            ("room", "ws.room"),
            ("Room-1_a", "ws.Room-1_a"),
            ("", "ws.%"),
            ("%", "ws.%25"),
            (">", "ws.%3E"),
            ("*", "ws.%2A"),
            ("a.*.>", "ws.a%2E%2A%2E%3E"),
            (" \t\r\n\0", "ws.%20%09%0D%0A%00"),
            ("..", "ws.%2E%2E"),
            ("[?]", "ws.%5B%3F%5D"),
            ("ü", "ws.%C3%BC"),
        ];
        for (topic, name) in cases {
            assert_eq!(to_name("ws", topic), name);
            assert_eq!(from_name("ws", name.as_bytes()).as_deref(), Some(topic));
        }
    }

    #[test]
    fn names_of_no_topic_are_refused() {
        let names = [
            "", "ws", "ws.", "ws.a.b", "ws.a b", "ws.>", "ws.*", "ws.!", "ws.%2", "ws.%2e",
            "ws.%41", "ws.%FF", "ws.%%", "wsx.a", "other.a", "ws.ü",
        ];
        for name in names {
            assert_eq!(from_name("ws", name.as_bytes()), None, "{name}");
        }
        assert_eq!(from_name("ws", b"ws.\xFF"), None);
    }

    #[test]
    fn prefixes_are_parts_between_dots() {
        for good in ["ws", "a.b", "chat-1.eu_west", "A", &"x".repeat(MAX_PREFIX)] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in
            ["", ".", "a.", ".a", "a..b", "a b", "a.*", ">", "a%", "ü", &"x".repeat(MAX_PREFIX + 1)]
        {
            assert!(!is_prefix(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_topic_has_a_name_of_its_own(topic: String) {
            let name = to_name("a.b", &topic);
            prop_assert!(name.len() <= 5 + 3 * topic.len());
            prop_assert!(name.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b'%')));
            prop_assert_eq!(from_name("a.b", name.as_bytes()), Some(topic));
        }

        #[test]
        fn a_name_that_is_read_is_the_name_of_what_was_read(name in "ws\\.[A-Fa0-9%.-]{0,9}") {
            if let Some(topic) = from_name("ws", name.as_bytes()) {
                prop_assert_eq!(to_name("ws", &topic), name);
            }
        }
    }
}
