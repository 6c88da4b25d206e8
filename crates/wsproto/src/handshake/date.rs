//! HTTP dates (RFC 9110 section 5.6.7).

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// The last second of the year 9999, the last one with four digits.
const LAST: u64 = 253_402_300_799;

/// The length of a date in bytes.
const LEN: usize = 29;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

const MONTHS: [&str; 12] =
    ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];

/// Formats a time since the UNIX epoch as the value of a `Date` header: an IMF-fixdate.
///
/// ```
/// use std::time::Duration;
/// use wsproto::handshake::http_date;
///
/// assert_eq!(http_date(Duration::from_secs(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
#[must_use]
pub fn http_date(since_epoch: Duration) -> String {
    let mut text = Vec::with_capacity(LEN);
    push_date(since_epoch, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Appends a `Date` header field to `out`.
pub(super) fn encode_date(since_epoch: Duration, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Date: ");
    push_date(since_epoch, out);
    out.extend_from_slice(b"\r\n");
}

fn push_date(since_epoch: Duration, out: &mut Vec<u8>) {
    let seconds = since_epoch.as_secs().min(LAST);
    let (days, second) = (seconds / 86400, seconds % 86400);
    let (year, month, day) = date(days);
    let name = |names: &[&'static str], at: u64| {
        usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    let [day, century, year] = [day, year / 100, year % 100].map(two_digits);
    let [hour, minute, second] = [second / 3600, second / 60 % 60, second % 60].map(two_digits);
    for part in [
        name(&DAYS, days % 7).as_bytes(),
        b", ",
        &day,
        b" ",
        name(&MONTHS, month).as_bytes(),
        b" ",
        &century,
        &year,
        b" ",
        &hour,
        b":",
        &minute,
        b":",
        &second,
        b" GMT",
    ] {
        out.extend_from_slice(part);
    }
}

/// Writes a number below 100.
fn two_digits(number: u64) -> [u8; 2] {
    [number / 10, number % 10].map(|digit| u8::try_from(digit).map_or(b'?', |digit| b'0' + digit))
}

/// Returns the year, month and day of a day since the epoch. Years are counted from March here, so
/// that a leap day is the last day of its year, and months from 0.
const fn date(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, in eras of 400 years, which all have the same length.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months of 31, 30, 31, 30 and 31 days repeat: 153 days for five of them.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = 400 * era + year + if month < 10 { 0 } else { 1 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    // H4
    #[test]
    fn known_times_are_formatted_as_http_dates() {
        for (seconds, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (68_169_600, "Tue, 29 Feb 1972 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (978_307_199, "Sun, 31 Dec 2000 23:59:59 GMT"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (13_574_563_200, "Tue, 29 Feb 2400 00:00:00 GMT"),
            (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (LAST + 1, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(Duration::from_secs(seconds)), date, "{seconds}");
        }
    }

    // H4
    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = date(0);
        for day in 1..=LAST / 86400 {
            let (year, month, day) = date(day);
            let next_day = (last.0, last.1, last.2 + 1) == (year, month, day);
            let next_month = day == 1 && month == (last.1 + 1) % 12 && last.2 >= 28;
            assert!(next_day || next_month, "{last:?}");
            assert_eq!(year, last.0 + u64::from(last.1 == 9 && month == 10));
            last = (year, month, day);
        }
        assert_eq!(last, (9999, 9, 31));
    }
}
