//! `ws` and `wss` URLs (RFC 6455 section 3).
//!
//! ```
//! use wsproto::url::WsUrl;
//!
//! let url = WsUrl::parse("WSS://Example.com/chat?room=1")?;
//! assert_eq!((url.host(), url.port(), url.is_secure()), ("example.com", 443, true));
//! assert_eq!(url.resource_name(), "/chat?room=1");
//! assert_eq!(url.to_string(), "wss://example.com/chat?room=1");
//! # Ok::<(), wsproto::url::UrlError>(())
//! ```

mod host;

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt::{self, Write};

use crate::redacted::WithoutQuery;
use host::{check_name, host_hint, split_zone};

pub(crate) use host::{is_authority, parse_host, parse_port, split_port};

/// The reason why a URL is not a WebSocket URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is not one of those accepted, or is not followed by `//`.
    #[error("a WebSocket URL begins with ws:// or wss://")]
    Scheme,
    /// The host is missing, or is not a name or address allowed in a URL.
    #[error("`{0}` is not a host{reason}", reason = host_hint(.0))]
    Host(String),
    /// The port is not a number from 1 to 65535.
    #[error("`{0}` is not a port")]
    Port(String),
    /// There is a fragment. A WebSocket URL must not have one, not even an empty one.
    #[error("a WebSocket URL has no fragment; a `#` within it is written %23")]
    Fragment,
    /// There is a user name or password before the host.
    #[error("user information has no place in a WebSocket URL; use an Authorization header")]
    UserInfo,
    /// A character that must be percent-encoded, or a `%` that does not begin an encoded one.
    #[error("character {0:?} must be percent-encoded")]
    Character(char),
}

/// A parsed and normalised URL of scheme `ws` or `wss`. Two are equal if their normalised forms
/// are.
#[derive(Clone)]
pub struct WsUrl {
    /// The URL as it was given; the host in lower case, an IPv6 address without its brackets and its
    /// zone; and the resource name.
    text: String,
    given_len: usize,
    host_len: usize,
    secure: bool,
    zone: Option<Box<str>>,
    port: u16,
}

impl WsUrl {
    /// Parses a URL. The schemes `http` and `https` mean `ws` and `wss`, as in browsers (WHATWG, the
    /// constructor of `WebSocket`), so the URL of a web page's server can be used as it is.
    ///
    /// Non-ASCII characters in the path and query are percent-encoded as UTF-8; all other
    /// characters there are kept unchanged.
    ///
    /// # Errors
    ///
    /// [`UrlError`] for the first error in the URL.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        Self::parse_scheme(url, &[("ws", false), ("wss", true), ("http", false), ("https", true)])
    }

    /// Parses a URL as [`parse`](Self::parse) does, but accepts only the schemes of RFC 6455 section 3, `ws`
    /// and `wss`.
    ///
    /// # Errors
    ///
    /// [`UrlError`] for the first error in the URL.
    pub fn parse_ws(url: &str) -> Result<Self, UrlError> {
        Self::parse_scheme(url, &[("ws", false), ("wss", true)])
    }

    fn parse_scheme(url: &str, schemes: &[(&str, bool)]) -> Result<Self, UrlError> {
        let colon = position(url, b":").ok_or(UrlError::Scheme)?;
        let (scheme, rest) = url.split_at_checked(colon).ok_or(UrlError::Scheme)?;
        let rest = rest.strip_prefix("://").ok_or(UrlError::Scheme)?;
        let (_, secure) = schemes
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(scheme))
            .ok_or(UrlError::Scheme)?;
        if position(rest, b"#").is_some() {
            return Err(UrlError::Fragment);
        }
        let (authority, resource) = rest.split_at(position(rest, b"/?").unwrap_or(rest.len()));
        if position(authority, b"@").is_some() {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_port(authority);
        let (bare, zone) = split_zone(host);
        let checked = check_name(&bare).and_then(|host| Ok((host, parse_port(port)?)));
        let (host, port) = checked.map_err(
            // A password containing a slash would be taken for a port, and shown in the error.
            |error| if resource.contains('@') { UrlError::UserInfo } else { error },
        )?;
        let mut text = String::with_capacity(url.len() + host.len() + resource.len().max(1));
        text.push_str(url);
        text.push_str(host);
        text.get_mut(url.len()..).unwrap_or_default().make_ascii_lowercase();
        push_resource(resource, &mut text)?;
        Ok(Self {
            text,
            given_len: url.len(),
            host_len: host.len(),
            secure: *secure,
            zone,
            port: port.unwrap_or(default_port(*secure)),
        })
    }

    /// Returns the URL as it was given.
    #[must_use]
    pub fn as_given(&self) -> &str {
        self.text.get(..self.given_len).unwrap_or_default()
    }

    /// Returns `ws` or `wss`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.secure { "wss" } else { "ws" }
    }

    /// Returns whether the connection uses TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns the host to connect to, in lower case; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text.get(self.given_len..self.given_len + self.host_len).unwrap_or_default()
    }

    /// Returns the zone of a link-local IPv6 address, the interface to use: `eth0` in
    /// `ws://[fe80::1%25eth0]/` (RFC 6874). The percent sign may also be written alone, as in
    /// `%eth0`. A zone has a meaning for this host only, so no header field contains it.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// Returns the port to connect to: 80 or 443 if the URL has none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the request target: the path, at least `/`, and the query unless it is empty.
    #[must_use]
    pub fn resource_name(&self) -> &str {
        self.text.get(self.given_len + self.host_len..).unwrap_or_default()
    }

    /// Returns the value of the `Host` header: the host, with the port unless it is the default
    /// (section 4.1).
    #[must_use]
    pub fn host_header(&self) -> String {
        let mut value = String::new();
        self.write_host_header(&mut value);
        value
    }

    /// Appends the value that [`host_header`](Self::host_header) returns; writing to memory cannot fail.
    pub(crate) fn write_host_header(&self, to: &mut impl Write) {
        let _ = self.write_authority(None, to);
    }

    /// Returns how many bytes the host and the resource name have.
    pub(crate) const fn size(&self) -> usize {
        self.text.len() - self.given_len
    }

    /// Returns the URL without its query, which may contain a secret, for logs.
    #[must_use]
    pub fn without_query(&self) -> impl fmt::Display {
        Loggable(self)
    }

    /// Returns the host with its zone, and the port unless it is the default.
    pub(crate) fn authority(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write_authority(self.zone(), &mut text);
        text
    }

    fn write_authority(&self, zone: Option<&str>, to: &mut impl Write) -> fmt::Result {
        if let Some(zone) = zone {
            write!(to, "[{}%25{zone}]", self.host())?;
        } else if self.host().contains(':') {
            write!(to, "[{}]", self.host())?;
        } else {
            to.write_str(self.host())?;
        }
        if self.port != default_port(self.secure) {
            write!(to, ":{}", self.port)?;
        }
        Ok(())
    }
}

impl PartialEq for WsUrl {
    fn eq(&self, other: &Self) -> bool {
        (self.secure, self.host(), &self.zone, self.port, self.resource_name())
            == (other.secure, other.host(), &other.zone, other.port, other.resource_name())
    }
}

impl Eq for WsUrl {}

/// Writes the normalised URL.
impl fmt::Display for WsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme())?;
        self.write_authority(self.zone(), f)?;
        f.write_str(self.resource_name())
    }
}

struct Loggable<'a>(&'a WsUrl);

impl fmt::Display for Loggable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(url) = self;
        write!(f, "{}://", url.scheme())?;
        url.write_authority(url.zone(), f)?;
        write!(f, "{}", WithoutQuery(url.resource_name()))
    }
}

/// Writes the URL without its query, as [`WsUrl::without_query`] does.
impl fmt::Debug for WsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WsUrl({})", self.without_query())
    }
}

impl core::str::FromStr for WsUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        Self::parse(url)
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// Returns the index of the first of these ASCII characters.
fn position(text: &str, any_of: &[u8]) -> Option<usize> {
    text.bytes().position(|byte| any_of.contains(&byte))
}

/// Appends the resource name: the path, at least `/`, and the query unless it is empty.
fn push_resource(resource: &str, to: &mut String) -> Result<(), UrlError> {
    let (path, query) = resource.split_at(position(resource, b"?").unwrap_or(resource.len()));
    match path {
        "" => to.push('/'),
        path => push_encoded(path, b"/", to)?,
    }
    match query {
        "" | "?" => Ok(()),
        query => push_encoded(query, b"/?", to),
    }
}

/// Appends a part of a URL, with non-ASCII characters percent-encoded (section 11.1).
fn push_encoded(part: &str, also: &[u8], to: &mut String) -> Result<(), UrlError> {
    let fits = |byte: &u8| is_pchar(*byte) || also.contains(byte);
    let mut rest = part;
    loop {
        let plain = rest.bytes().take_while(fits).count();
        let (plain, behind) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        to.push_str(plain);
        let mut characters = behind.chars();
        match characters.next() {
            None => return Ok(()),
            Some('%') => {
                let digits = characters.as_str().as_bytes();
                if !matches!(digits, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()) {
                    return Err(UrlError::Character('%'));
                }
                to.push('%');
            }
            Some(character) if character.is_ascii() => return Err(UrlError::Character(character)),
            Some(character) => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a `String` cannot fail.
                    let _ = write!(to, "%{byte:02X}");
                }
            }
        }
        rest = characters.as_str();
    }
}

/// Returns whether the byte is unreserved (RFC 3986 section 2.3).
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Returns whether the byte is a sub-delimiter (RFC 3986 section 2.2).
const fn is_sub_delim(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
}

/// Returns whether the byte may appear unescaped in a path, and so in a query.
pub(crate) const fn is_in_path(byte: u8) -> bool {
    is_pchar(byte) || byte == b'/'
}

/// Returns whether the byte is a `pchar` (RFC 3986 section 3.3), percent-encoding aside.
const fn is_pchar(byte: u8) -> bool {
    is_unreserved(byte) || is_sub_delim(byte) || matches!(byte, b':' | b'@')
}
