//! Redaction: `Debug` output without secrets.

use core::fmt::{self, Write};

/// Header fields whose values are shown. Any other may carry a credential.
const SHOWN: [&str; 40] = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Origin",
    "Access-Control-Max-Age",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Age",
    "Allow",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Date",
    "Expires",
    "Host",
    "Keep-Alive",
    "Location",
    "Origin",
    "Pragma",
    "Proxy-Authenticate",
    "Retry-After",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Version",
    "Server",
    "Strict-Transport-Security",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "User-Agent",
    "Vary",
    "Via",
    "Warning",
    "WWW-Authenticate",
    "X-Forwarded-For",
];

/// The value of a header field, for `Debug`: its length, unless the field is known to carry no credential.
pub(crate) struct RedactedValue<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a [u8],
}

impl fmt::Debug for RedactedValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !SHOWN.iter().any(|shown| shown.eq_ignore_ascii_case(self.name)) {
            return Length(self.value.len()).fmt(f);
        }
        // A query, and user information in front of a host, can occur in `Location`.
        let mut parts = self.value.splitn(2, |byte| *byte == b'?');
        let shown = parts.next().unwrap_or_default();
        f.write_char('"')?;
        let (scheme, shown) = without_user(shown);
        for part in scheme.utf8_chunks().chain(shown.utf8_chunks()) {
            write!(f, "{}{}", part.valid().escape_debug(), part.invalid().escape_ascii())?;
        }
        f.write_str(if parts.next().is_some() { "?..\"" } else { "\"" })
    }
}

/// Returns the parts of a URL before and after its user information (RFC 3986 section 3.2.1).
fn without_user(url: &[u8]) -> (&[u8], &[u8]) {
    let start = url.windows(2).position(|two| two == b"//").map_or(0, |at| at + 2);
    let (scheme, rest) = url.split_at_checked(start).unwrap_or((&[], url));
    let authority = rest.split(|byte| matches!(byte, b'/' | b'#')).next().unwrap_or_default();
    let user = authority.iter().rposition(|byte| *byte == b'@').filter(|_| start > 0);
    (scheme, rest.get(user.map_or(0, |at| at + 1)..).unwrap_or_default())
}

/// Returns at most the first 20 characters of a text that may be a credential.
pub(crate) fn shortened(text: &str) -> &str {
    let end = text.char_indices().nth(20).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or_default()
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
