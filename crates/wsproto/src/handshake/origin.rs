//! Allowed origins (RFC 6455 section 10.2).

use alloc::string::String;
use alloc::vec::Vec;

use super::Request;
use crate::url::{parse_host, parse_port, split_port};

/// A list of origins whose pages may connect.
///
/// Browsers report the origin of the connecting page truthfully; other clients can send any origin
/// or none. The list therefore protects users who visit other pages, not the server. Origins are
/// compared by scheme, host and port after parsing, never as text with a common prefix or suffix.
///
/// ```
/// use wsproto::handshake::AllowedOrigins;
///
/// let allowed = AllowedOrigins::new(["https://example.com", "http://localhost:8080"])?;
/// assert!(allowed.allows_origin("https://EXAMPLE.com:443"));
/// assert!(!allowed.allows_origin("https://example.com.evil.org"));
/// # Ok::<(), wsproto::handshake::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    origins: Vec<Origin>,
    required: bool,
}

impl AllowedOrigins {
    /// Creates a list of origins, such as `https://example.com`; `null` for pages without an origin, such as
    /// sandboxed ones; `file://` for local files, for which some browsers send `null`; or that of an
    /// application's own scheme, such as `app://main`.
    ///
    /// # Errors
    ///
    /// [`InvalidOrigin`] for the first text that is not an origin, such as one with a path or a
    /// wildcard.
    pub fn new<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidOrigin> {
        // Wildcards are not supported, and one that matched nothing would be a surprise.
        let parse = |text: &str| match Origin::parse(text) {
            Some(origin) if !text.contains('*') => Ok(origin),
            _ => Err(InvalidOrigin(text.into())),
        };
        let origins = origins.into_iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { origins, required: false })
    }

    /// Also refuses clients that send no origin; they are not browsers, and are otherwise allowed.
    #[must_use]
    pub fn require(mut self) -> Self {
        self.required = true;
        self
    }

    /// Returns whether the request may be accepted; if not, the response is 403 (section 4.2.2). A
    /// request with several origins is not allowed.
    #[must_use]
    pub fn allows(&self, request: &Request) -> bool {
        let mut origins = request.headers().get_all("Origin");
        match (origins.next(), origins.next()) {
            (None, _) => !self.required,
            (Some(origin), None) => self.allows_origin(origin),
            (Some(_), Some(_)) => false,
        }
    }

    /// Returns whether the value of an `Origin` header is allowed.
    #[must_use]
    pub fn allows_origin(&self, origin: &str) -> bool {
        Origin::parse(origin).is_some_and(|origin| self.origins.contains(&origin))
    }
}

/// The text is not an origin: scheme, `://`, host and optional port, and nothing else; `file://`; or `null`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{0:?} is not an origin: scheme://host[:port] without a path, file://, or null")]
pub struct InvalidOrigin(pub String);

/// An origin as RFC 6454 section 4 defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Null,
    Tuple { scheme: String, host: String, port: Option<u16> },
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        if text == "null" {
            return Some(Self::Null);
        }
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        // RFC 3986 section 3.1.
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if !is_scheme {
            return None;
        }
        let (host, port) = split_port(authority);
        let is_web = matches!(scheme.as_str(), "http" | "https" | "ws" | "wss");
        // Local files have the origin `file://` in some browsers, and pages of applications may have one
        // like it.
        let host = match authority {
            "" if !is_web => String::new(),
            _ => parse_host(host).ok()?,
        };
        let port = match port {
            Some("") => return None,
            port => parse_port(port).ok()?,
        };
        let port = port.or(match scheme.as_str() {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        });
        Some(Self::Tuple { scheme, host, port })
    }
}
