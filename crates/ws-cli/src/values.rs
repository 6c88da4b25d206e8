//! Values of arguments.

use std::time::Duration;

/// The longest time: no clock overflows that far ahead.
const LONGEST: Duration = Duration::from_secs(1_000_000 * 3600);

/// Parses a time: a decimal number with `us`, `ms`, `s`, `m` or `h`, or of seconds. For clap.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("the unit {unit:?} is not us, ms, s, m or h")),
    };
    let number: f64 = number.parse().map_err(|_| "not a time such as 500ms or 5s".to_owned())?;
    let time = Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())?;
    if time > LONGEST {
        return Err("a time is at most 1000000h".into());
    }
    Ok(time)
}

/// Explains the values of options, below the help. For clap.
pub(crate) const UNITS: &str = "TIME is a number with a unit, such as 20ms, 5s, 2m or 1h; without a unit, of seconds.\n\
    BYTES is a number, or one with K, M or G, which are powers of 1024: 64K, 1M.";

/// Explains times, below the help. For clap.
pub(crate) const UNITS_OF_TIME: &str =
    "TIME is a number with a unit, such as 20ms, 5s, 2m or 1h; without a unit, of seconds.";

/// Parses a time that is longer than 0. For clap.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("a time longer than 0 is needed".into()),
        time => Ok(time),
    }
}

/// A time, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrOff(pub(crate) Option<Duration>);

/// Parses a time, or `off`, which 0 means, too. For clap.
pub(crate) fn duration_or_off(text: &str) -> Result<OrOff, String> {
    match text {
        "off" => Ok(OrOff(None)),
        text => Ok(OrOff(Some(duration(text)?).filter(|time| !time.is_zero()))),
    }
}

/// Parses a number of bytes: a decimal number, or one with `K`, `M` or `G` (powers of 1024). For clap.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (number, shift) = match text.char_indices().next_back() {
        Some((at, 'K' | 'k')) => (text.get(..at), 10),
        Some((at, 'M' | 'm')) => (text.get(..at), 20),
        Some((at, 'G' | 'g')) => (text.get(..at), 30),
        _ => (Some(text), 0),
    };
    let number: Option<u64> = number.and_then(|number| number.parse().ok());
    number
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| "not a number of bytes such as 65536, 64K or 1M".to_owned())
}

/// Parses hexadecimal digits; spaces between them are ignored.
pub(crate) fn unhex(text: &str) -> Result<Vec<u8>, String> {
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
    fn times_have_units() {
        let ms = Duration::from_millis;
        for (text, time) in
            [("5", ms(5000)), ("1.5s", ms(1500)), ("20ms", ms(20)), ("2m", ms(120_000))]
        {
            assert_eq!(duration(text), Ok(time), "{text}");
        }
        assert_eq!(duration("1000000h"), Ok(LONGEST));
        assert_eq!(duration("3us"), Ok(Duration::from_micros(3)));
        for text in ["", "s", "-1", "1x", "1..2", "99999999999999999999999h", "1000001h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(
            (duration_or_off("off"), duration_or_off("0s")),
            (Ok(OrOff(None)), Ok(OrOff(None)))
        );
        assert_eq!(some_time("1ms"), Ok(ms(1)));
        assert!(some_time("0").is_err() && some_time("x").is_err());
        assert_eq!(duration_or_off("1h"), Ok(OrOff(Some(ms(3_600_000)))));
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!((size("7"), size("64K"), size("2g")), (Ok(7), Ok(65536), Ok(2 << 30)));
        for text in ["", "K", "-1", "1.5M", "99999999999G", "1é"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hexadecimal_digits_are_bytes() {
        assert_eq!(unhex("00 fF\t1 0"), Ok(vec![0, 0xff, 0x10]));
        assert_eq!(unhex(""), Ok(vec![]));
        assert!(unhex("abc").is_err() && unhex("0x").is_err());
    }
}
