//! Proxies: their addresses, credentials and header fields.

mod env;
mod error;
mod no_proxy;
#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wsproto::handshake::{Headers, OfferError};
use wsproto::url::{UrlError, WsUrl};

pub use env::Proxies;
pub use error::ProxyError;

/// Header fields that an application must not add to a `CONNECT` request, which has no body.
const RESERVED: [&str; 4] = ["Host", "Connection", "Content-Length", "Transfer-Encoding"];

/// The longest user name, and the longest password, of SOCKS (RFC 1929 section 2).
const MOST_SOCKS_CREDENTIALS: usize = 255;

/// A proxy that opens tunnels, for both `ws://` and `wss://`: an HTTP proxy by `CONNECT` (RFC 9110 section
/// 9.3.6), with or without TLS, or a SOCKS 5 proxy (RFC 1928). Names of servers are looked up by the proxy.
///
/// ```
/// use ws_common::Proxy;
///
/// let proxy = Proxy::new("http://user:p%40ssword@proxy.example:3128/")?;
/// assert_eq!((proxy.scheme(), proxy.host(), proxy.port()), ("http", "proxy.example", 3128));
/// assert!(!format!("{proxy:?}").contains("ssword"));
///
/// let same = Proxy::new("proxy.example:3128")?.credentials("user", "p@ssword")?;
/// let socks = Proxy::new("socks5://proxy.example")?;
/// assert_eq!((socks.scheme(), socks.port()), ("socks5", 1080));
/// # Ok::<(), ws_common::ProxyError>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    kind: ProxyKind,
    /// An IPv6 address is without its brackets, but with its zone.
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
    /// The header fields of the `CONNECT` request, besides `Host` and those of the credentials.
    headers: Headers,
    #[cfg(feature = "tls")]
    tls: Option<crate::ClientTls>,
}

/// The protocol that a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    Http,
    #[cfg(feature = "tls")]
    Https,
    Socks5,
}

impl ProxyKind {
    /// Returns the kind of a scheme. Other programs distinguish `socks5h`, a SOCKS proxy that looks names up;
    /// here, every SOCKS proxy does.
    fn of(scheme: &str) -> Option<Self> {
        match &*scheme.to_ascii_lowercase() {
            "http" => Some(Self::Http),
            #[cfg(feature = "tls")]
            "https" => Some(Self::Https),
            "socks5" | "socks5h" => Some(Self::Socks5),
            _ => None,
        }
    }

    const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            #[cfg(feature = "tls")]
            Self::Https => "https",
            Self::Socks5 => "socks5",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            #[cfg(feature = "tls")]
            Self::Https => 443,
            Self::Socks5 => 1080,
        }
    }
}

impl Proxy {
    /// Parses a proxy's address in the form of environment variables: `proxy.example:3128`, or
    /// `http://user:password@proxy.example:3128/`. The schemes are `http`, which is the default, `https` with
    /// the feature `tls`, and `socks5` or `socks5h`, which mean the same; their default ports are 80, 443 and
    /// 1080. User name and password are percent-encoded, and sent as [`credentials`](Self::credentials)
    /// describes.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Scheme`] for another scheme, [`ProxyError::Credentials`] for invalid user information,
    /// and [`ProxyError::Address`] if the rest is not a host with an optional port.
    pub fn new(address: &str) -> Result<Self, ProxyError> {
        // The part before the last @ may be a password, so no error contains it.
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['@', ':']) => (scheme, rest),
            _ => ("http", address),
        };
        let kind = ProxyKind::of(scheme).ok_or_else(|| ProxyError::Scheme(scheme.into()))?;
        let (user_info, authority) = match rest.rsplit_once('@') {
            Some((user_info, authority)) => (Some(user_info), authority),
            None => (None, rest),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#']) {
            return Err(UrlError::Host(authority.into()).into());
        }
        let url = WsUrl::parse(&format!("ws://{authority}"))?;
        // The default ports of the two schemes differ: if both URLs have the same port, it was given.
        let given = WsUrl::parse(&format!("wss://{authority}"))?.port() == url.port();
        let port = if given { url.port() } else { kind.default_port() };
        let proxy = Self {
            kind,
            host: host_to_dial(&url),
            port,
            credentials: None,
            headers: Headers::new(),
            #[cfg(feature = "tls")]
            tls: None,
        };
        let Some(user_info) = user_info.filter(|text| !text.is_empty()) else { return Ok(proxy) };
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        proxy.credentials(&decode(user)?, &decode(password)?)
    }

    /// Returns the proxies that the environment names, for
    /// [`ClientOptions::proxy`](crate::ClientOptions::proxy); see [`Proxies`].
    ///
    /// # Errors
    ///
    /// As [`Proxies::from_variables`].
    pub fn from_env() -> Result<Proxies, ProxyError> {
        // A client of a CGI program can set HTTP_PROXY, which Windows finds by the name in lower case, too.
        let is_cgi = std::env::var_os("REQUEST_METHOD").is_some();
        let is_ignored = |name: &str| cfg!(windows) && is_cgi && name == "http_proxy";
        Proxies::from_variables(|name| {
            let value = std::env::var_os(name).filter(|_| !is_ignored(name))?;
            Some(value.to_string_lossy().into_owned())
        })
    }

    /// Sends these credentials to the proxy: to an HTTP proxy with the `Basic` scheme (RFC 7617), to a SOCKS
    /// proxy as RFC 1929 describes; unencrypted, except over `https`. Replaces earlier credentials.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Credentials`] if either contains a control character; for HTTP, if the user name
    /// contains a colon; for SOCKS, if either has more than 255 bytes or the user name is empty.
    pub fn credentials(mut self, user: &str, password: &str) -> Result<Self, ProxyError> {
        let fits = match self.kind {
            ProxyKind::Socks5 => {
                (1..=MOST_SOCKS_CREDENTIALS).contains(&user.len())
                    && password.len() <= MOST_SOCKS_CREDENTIALS
            }
            _ => !user.contains(':'),
        };
        if !fits || user.contains(char::is_control) || password.contains(char::is_control) {
            return Err(ProxyError::Credentials);
        }
        self.credentials = Some((user.into(), password.into()));
        Ok(self)
    }

    /// Adds a header field to the `CONNECT` request; may be repeated. The server does not see it. A
    /// `Proxy-Authorization` is sent instead of the [`credentials`](Self::credentials).
    ///
    /// # Errors
    ///
    /// [`ProxyError::Header`] for a field that cannot appear in a head, and for `Host`, `Connection`,
    /// `Content-Length` and `Transfer-Encoding`; [`ProxyError::SocksHeader`] for a SOCKS proxy.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, ProxyError> {
        if self.kind == ProxyKind::Socks5 {
            return Err(ProxyError::SocksHeader);
        }
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
            return Err(OfferError::ReservedHeader(name.into()).into());
        }
        self.headers.push(name, value).map_err(OfferError::from)?;
        Ok(self)
    }

    /// Sets the certificates to trust of an `https` proxy, and the client certificate to show it. The default
    /// is [`ClientTls::new`](crate::ClientTls::new): the configuration for the server is not used. Has no
    /// effect on other proxies.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Returns the scheme: `http`, `https` or `socks5`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        self.kind.scheme()
    }

    /// Returns the proxy's host, in lower case; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the proxy's port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) const fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// Returns the user name and the password.
    pub(crate) fn user(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|(user, password)| (&**user, &**password))
    }

    /// Returns the header fields of a `CONNECT` request, besides `Host`.
    pub(crate) fn connect_headers(&self) -> Headers {
        let mut headers = Headers::new();
        let authorization = "Proxy-Authorization";
        if let Some((user, password)) = self.user()
            && self.headers.get_bytes(authorization).is_none()
        {
            let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            // Base64 fits into a header field.
            let _ = headers.push(authorization, &value);
        }
        for (name, value) in self.headers.iter() {
            // Checked when it was added.
            let _ = headers.push(name, value);
        }
        headers
    }

    /// Begins TLS with an `https` proxy; `None` for others.
    #[cfg(feature = "tls")]
    pub(crate) fn begin_tls(&self) -> Result<Option<rustls::ClientConnection>, ProxyError> {
        if self.kind != ProxyKind::Https {
            return Ok(None);
        }
        let host = self.host.split('%').next().unwrap_or_default();
        self.tls.clone().unwrap_or_default().begin(host).map(Some).map_err(ProxyError::Tls)
    }
}

/// Returns the host of a URL as the resolver takes it: an IPv6 address with its zone.
pub(crate) fn host_to_dial(url: &WsUrl) -> String {
    match url.zone() {
        Some(zone) => format!("{}%{zone}", url.host()),
        None => url.host().into(),
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

/// Omits the credentials and the header fields.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("scheme", &self.scheme())
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
