//! The way through an HTTP proxy (RFC 6455 section 4.1, RFC 9110 section 9.3.6).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wsproto::Config;
use wsproto::handshake::{HeadFinder, Response, ResponseError};
use wsproto::url::{UrlError, WsUrl};

/// A proxy that opens tunnels by `CONNECT`, for `ws://` and `wss://` alike.
///
/// ```
/// use ws_common::Proxy;
///
/// let proxy = Proxy::new("proxy.example:3128")?.credentials("user", "password")?;
/// # Ok::<(), ws_common::ProxyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    authorization: Option<String>,
}

/// Why there is no way through a proxy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy's address is none. No socket was opened.
    #[error("invalid address: {0}")]
    Address(#[from] UrlError),
    /// A user name has a colon or a control character, or the password has one of the latter
    /// (RFC 7617 section 2). No socket was opened.
    #[error("the credentials for the user {0:?} have a character that they cannot have")]
    Credentials(String),
    /// The proxy refused with this response: 407 asks for (other) credentials.
    #[error("the proxy answered with status {}", .0.status())]
    Refused(Box<Response>),
    /// What the proxy answered is not HTTP.
    #[error("the proxy's answer: {0}")]
    Response(ResponseError),
    /// Something came out of the tunnel before anything went in.
    #[error("the proxy sent more than its answer")]
    Excess,
    /// The proxy ended the connection instead of answering.
    #[error("the proxy ended the connection")]
    EndOfInput,
}

impl Proxy {
    /// Names a proxy by its host and port, such as `proxy.example:3128`; without a port, it is 80.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Address`] if it is not a host, perhaps with a port.
    pub fn new(address: &str) -> Result<Self, ProxyError> {
        let url = WsUrl::parse(&format!("ws://{address}"))?;
        if address.contains(['/', '?']) {
            return Err(UrlError::Host(address.into()).into());
        }
        Ok(Self { host: url.host().into(), port: url.port(), authorization: None })
    }

    /// Shows these credentials to the proxy, by the scheme `Basic`, in clear text.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Credentials`].
    pub fn credentials(mut self, user: &str, password: &str) -> Result<Self, ProxyError> {
        if user.contains(|c: char| c == ':' || c.is_control())
            || password.contains(char::is_control)
        {
            return Err(ProxyError::Credentials(user.into()));
        }
        self.authorization = Some(STANDARD.encode(format!("{user}:{password}")));
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
}

/// Says nothing of the credentials.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// A tunnel that is being opened. It does no I/O; adapters do.
#[derive(Debug)]
pub struct Tunnel {
    finder: HeadFinder,
    head: Vec<u8>,
}

impl Tunnel {
    /// Begins on a connection to the proxy: appends the request for a tunnel to the URL's host to
    /// `out`.
    #[must_use]
    pub fn open(proxy: &Proxy, url: &WsUrl, out: &mut Vec<u8>) -> Self {
        let host = match url.host() {
            address if address.contains(':') => format!("[{address}]"),
            name => name.into(),
        };
        let to = format!("{host}:{}", url.port());
        out.extend_from_slice(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").as_bytes());
        if let Some(credentials) = &proxy.authorization {
            let field = format!("Proxy-Authorization: Basic {credentials}\r\n");
            out.extend_from_slice(field.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        Self { finder: HeadFinder::response(), head: Vec::new() }
    }

    /// Goes on with what the proxy has sent since the last call. Returns whether the tunnel is open.
    ///
    /// # Errors
    ///
    /// [`ProxyError`] if it never will be.
    pub fn advance(&mut self, mut input: &[u8], config: &Config) -> Result<bool, ProxyError> {
        let wrong = |error| ProxyError::Response(ResponseError::from(error));
        while let Some(len) = self.finder.find(input, config).map_err(wrong)? {
            let (head, rest) = input.split_at(len);
            self.head.extend_from_slice(head);
            let response = Response::parse(&self.head).map_err(ProxyError::Response)?;
            match response.status() {
                200..=299 if rest.is_empty() => return Ok(true),
                200..=299 => return Err(ProxyError::Excess),
                // RFC 9110 section 15.2: interim responses may come first, and mean nothing to us.
                100 | 102..=199 => {
                    *self = Self { finder: HeadFinder::response(), head: Vec::new() }
                }
                _ => return Err(ProxyError::Refused(Box::new(response))),
            }
            input = rest;
        }
        self.head.extend_from_slice(input);
        Ok(false)
    }
}
