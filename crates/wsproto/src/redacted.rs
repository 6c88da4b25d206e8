//! Redaction: `Debug` output without secrets.

use core::fmt::{self, Write};

/// Header fields whose values are credentials or derived from them.
const SECRET: [&str; 5] =
    ["Authorization", "Cookie", "Proxy-Authorization", "Sec-WebSocket-Key", "Set-Cookie"];

/// The value of a header field, for `Debug`.
pub(crate) struct RedactedValue<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a [u8],
}

impl fmt::Debug for RedactedValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(self.name)) {
            return f.write_str("[redacted]");
        }
        // A query can occur in `Location`, `Referer`, `Link` and application-defined fields.
        let mut parts = self.value.splitn(2, |byte| *byte == b'?');
        let shown = parts.next().unwrap_or_default();
        f.write_char('"')?;
        for part in shown.utf8_chunks() {
            write!(f, "{}{}", part.valid().escape_debug(), part.invalid().escape_ascii())?;
        }
        f.write_str(if parts.next().is_some() { "?..\"" } else { "\"" })
    }
}

/// A request target or other URL reference, for `Debug`: without its query.
pub(crate) struct WithoutQuery<'a>(pub(crate) &'a str);

impl fmt::Display for WithoutQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once('?') {
            Some((before, _)) => write!(f, "{before}?.."),
            None => f.write_str(self.0),
        }
    }
}

impl fmt::Debug for WithoutQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// A payload or a body, for `Debug`: its length only.
pub(crate) struct Length(pub(crate) usize);

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}
