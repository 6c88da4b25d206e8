//! Hexadecimal digits.

use std::fmt::Write;

/// Returns bytes as hexadecimal digits, in lower case.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        // A String takes everything.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// Parses hexadecimal digits; white space between them is ignored.
///
/// # Errors
///
/// A line for the user.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut digits = Vec::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        let digit = c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        digits.push(digit.ok_or_else(|| format!("{c:?} is not a hexadecimal digit"))?);
    }
    if digits.len() % 2 == 1 {
        return Err("an odd number of hexadecimal digits".into());
    }
    Ok(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_two_digits() {
        assert_eq!(encode(&[0, 0x0f, 0xff]), "000fff");
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Ok(all));
    }

    #[test]
    fn digits_may_have_spaces_and_either_case() {
        assert_eq!(decode("00 fF\t1 0"), Ok(vec![0, 0xff, 0x10]));
        assert_eq!(decode(""), Ok(vec![]));
        assert!(decode("abc").is_err() && decode("0x").is_err());
    }
}
