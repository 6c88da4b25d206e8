//! The query of a request's target, as forms encode it (`application/x-www-form-urlencoded`).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// Returns names and values, decoded.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return text.into();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, behind @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = behind;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => *byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pluses_and_percent_signs_are_decoded() {
        let all: Vec<_> = pairs("a+b=%41%c3%A9&&=x&c&d=1=2&e=%4&f=%zz%").collect();
        let expected =
            [("a b", "Aé"), ("", "x"), ("c", ""), ("d", "1=2"), ("e", "%4"), ("f", "%zz%")];
        assert_eq!(all, expected.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(pairs("").count(), 0);
        // Bytes that are no UTF-8 are replaced.
        assert_eq!(decoded("%ff%41"), "\u{fffd}A");
    }

    proptest! {
        #[test]
        fn another_decoder_decodes_the_same(query in "([a-c=&+%]|%[0-9a-fA-F]{2}|[é%]){0,24}") {
            let expected: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
            prop_assert_eq!(pairs(&query).collect::<Vec<_>>(), expected);
        }
    }
}
