//! An HTTP proxy's address and credentials.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wsproto::handshake::{Headers, Response, ResponseError, TunnelError};
use wsproto::url::{UrlError, WsUrl};

/// An HTTP proxy that opens tunnels with `CONNECT` (RFC 9110 section 9.3.6), for both `ws://` and `wss://`.
///
/// ```
/// use ws_common::Proxy;
///
/// let proxy = Proxy::new("http://user:p%40ssword@proxy.example:3128/")?;
/// assert_eq!((proxy.host(), proxy.port()), ("proxy.example", 3128));
/// assert!(!format!("{proxy:?}").contains("ssword"));
///
/// let same = Proxy::new("proxy.example:3128")?.credentials("user", "p@ssword")?;
/// assert_eq!(proxy, same);
/// # Ok::<(), ws_common::ProxyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    /// The header fields of the `CONNECT` request, besides `Host`.
    headers: Headers,
}

/// A failure to open a tunnel through a proxy. No error contains credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy's address is not a host with an optional port. No socket was opened.
    #[error("invalid address: {0}")]
    Address(#[from] UrlError),
    /// The address has a scheme other than `http`, such as `https` or `socks5`. No socket was opened.
    #[error("proxies of scheme {0:?} are not supported, only http://")]
    Scheme(String),
    /// The user name contains a colon, or the user name or password a control character (RFC 7617
    /// section 2); or the user information of the address is not percent-encoded UTF-8. No socket was
    /// opened.
    #[error("the credentials contain a forbidden character, or one that must be percent-encoded")]
    Credentials,
    /// The proxy refused with this response, whose body contains as much as arrived in time. Status 407
    /// requests credentials, or other ones.
    #[error("the proxy answered with status {}", .0.status())]
    Refused(Box<Response>),
    /// The proxy's response is not valid HTTP, or exceeds a limit of [`Config`](wsproto::Config).
    #[error("the proxy's answer: {0}")]
    Response(ResponseError),
    /// Bytes followed the proxy's response, before the client sent any through the tunnel.
    #[error("the proxy sent more than its answer")]
    Excess,
    /// The proxy ended the connection without a complete response.
    #[error("the proxy ended the connection")]
    EndOfInput,
}

impl From<TunnelError> for ProxyError {
    fn from(error: TunnelError) -> Self {
        match error {
            TunnelError::Refused(response) => Self::Refused(response),
            TunnelError::Response(error) => Self::Response(error),
            TunnelError::Excess => Self::Excess,
            // `TunnelError` is non-exhaustive; only `EndOfInput` is left today.
            _ => Self::EndOfInput,
        }
    }
}

impl Proxy {
    /// Parses a proxy's address in the form of environment variables: `proxy.example:3128`, or
    /// `http://user:password@proxy.example:3128/`. The default port is 80. User name and password are
    /// percent-encoded, and sent as [`credentials`](Self::credentials) describes.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Scheme`] for a scheme other than `http`, [`ProxyError::Credentials`] for invalid user
    /// information, and [`ProxyError::Address`] if the rest is not a host with an optional port.
    pub fn new(address: &str) -> Result<Self, ProxyError> {
        // The part before the last @ may be a password, so no error contains it.
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['@', ':']) => (Some(scheme), rest),
            _ => (None, address),
        };
        if let Some(other) = scheme.filter(|scheme| !scheme.eq_ignore_ascii_case("http")) {
            return Err(ProxyError::Scheme(other.into()));
        }
        let (user_info, authority) = match rest.rsplit_once('@') {
            Some((user_info, authority)) => (Some(user_info), authority),
            None => (None, rest),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#']) {
            return Err(UrlError::Host(authority.into()).into());
        }
        let url = WsUrl::parse(&format!("ws://{authority}"))?;
        let proxy = Self { host: url.host().into(), port: url.port(), headers: Headers::new() };
        let Some(user_info) = user_info.filter(|text| !text.is_empty()) else { return Ok(proxy) };
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        proxy.credentials(&decode(user)?, &decode(password)?)
    }

    /// Sends these credentials to the proxy with the `Basic` scheme (RFC 7617), unencrypted. Replaces earlier
    /// credentials.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Credentials`] if the user name contains a colon, or either a control character.
    pub fn credentials(mut self, user: &str, password: &str) -> Result<Self, ProxyError> {
        if user.contains(|c: char| c == ':' || c.is_control())
            || password.contains(char::is_control)
        {
            return Err(ProxyError::Credentials);
        }
        self.headers = Headers::new();
        let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        self.headers.push("Proxy-Authorization", &value).map_err(|_| ProxyError::Credentials)?;
        Ok(self)
    }

    /// Returns the proxy's host, as [`WsUrl::host`] does.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the proxy's port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) const fn headers(&self) -> &Headers {
        &self.headers
    }
}

/// Decodes a percent-encoded user name or password (RFC 3986 section 2.1). Delimiters that end an
/// authority must be encoded, because `a/b@c` could contain a path or a password.
fn decode(part: &str) -> Result<String, ProxyError> {
    if part.contains(['/', '?', '#', '@']) {
        return Err(ProxyError::Credentials);
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let value = digit().zip(digit()).map(|(high, low)| high << 4 | low);
                value.and_then(|value| value.try_into().ok()).ok_or(ProxyError::Credentials)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| ProxyError::Credentials)
}

/// Omits the credentials.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization(proxy: &Proxy) -> Option<&str> {
        proxy.headers.get("Proxy-Authorization")
    }

    #[test]
    fn a_proxy_is_taken_as_people_write_it() {
        // T9
        for (address, host, port, authorized) in [
            ("proxy", "proxy", 80, None),
            ("proxy:3128", "proxy", 3128, None),
            ("http://proxy", "proxy", 80, None),
            ("HTTP://Proxy:3128/", "proxy", 3128, None),
            ("http://[::1]:3128", "::1", 3128, None),
            ("http://@proxy", "proxy", 80, None),
            ("http://u@proxy", "proxy", 80, Some("Basic dTo=")),
            ("http://u:p@proxy:3128/", "proxy", 3128, Some("Basic dTpw")),
            ("u:p@proxy", "proxy", 80, Some("Basic dTpw")),
            ("http://u:a:b@proxy", "proxy", 80, Some("Basic dTphOmI=")),
            ("http://u:%40%2F%c3%a4@proxy", "proxy", 80, Some("Basic dTpAL8Ok")),
        ] {
            let proxy = Proxy::new(address).expect(address);
            assert_eq!((proxy.host(), proxy.port()), (host, port), "{address}");
            assert_eq!(authorization(&proxy), authorized, "{address}");
        }
    }

    #[test]
    fn no_error_shows_a_secret() {
        // T9
        for address in [
            "http://user:secret@",
            "http://user:secret@proxy:port",
            "http://user:secret@proxy/path",
            "http://user:sec/secret@proxy",
            "http://user:secret%@proxy",
            "http://user:secret%zz@proxy",
            "http://user:secret%ff@proxy",
            "http://us%3Aer:secret@proxy",
            "http://secret\n@proxy",
            "https://user:secret@proxy",
            "socks5://user:secret@proxy",
            "secret://x@proxy/@y z",
            "user:secret://p@proxy/x",
            "user:secret@proxy?q",
            "user:secret@ä",
        ] {
            let error = Proxy::new(address).expect_err(address);
            let shown = format!("{error} {error:?}");
            let is_scheme = address.starts_with("secret://");
            assert!(is_scheme || !shown.contains("secret"), "{address}: {shown}");
        }
        let proxy = Proxy::new("http://user:secret@proxy").expect("an address");
        let shown = format!("{proxy:?}");
        assert!(!shown.contains("secret") && !shown.contains("Basic"), "{shown}");
    }

    #[test]
    fn other_kinds_of_proxies_are_named() {
        for scheme in ["https", "socks5", "socks5h", "socks4", "ftp"] {
            let error = Proxy::new(&format!("{scheme}://proxy:1080")).expect_err("not http");
            let text = format!("proxies of scheme {scheme:?} are not supported, only http://");
            assert_eq!(error.to_string(), text);
        }
    }
}
