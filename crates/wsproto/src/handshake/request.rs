//! Requests received by a server.

mod pseudo;

use alloc::borrow::Cow;
use alloc::string::String;
use core::{fmt, str};

use super::head::{first_line, version};
use super::list::{elements, is_token};
use super::{Extension, Headers, RequestError, accept_key};
pub use pseudo::PseudoHeaders;

use crate::redacted::WithoutQuery;
use crate::url::is_authority;

/// A request: an opening handshake or an ordinary request.
///
/// A [`Session`](crate::Session) parses those of HTTP/1. Where other code handles HTTP, they are made
/// [from their parts](Self::from_parts), or [from pseudo-header fields](Self::from_pseudo_headers) in
/// HTTP/2 and HTTP/3; [`Accept::answer`](super::Accept::answer) answers them.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    method: String,
    target: String,
    version_minor: u8,
    headers: Headers,
    /// `:authority` of HTTP/2 or HTTP/3, or the `Host` in its place.
    authority: Option<String>,
    is_upgrade: bool,
    /// The result of [`check_upgrade`](Self::check_upgrade).
    verdict: Result<(), RequestError>,
}

impl Request {
    /// Parses a head found by [`HeadFinder`](super::HeadFinder), including its empty line.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the request can only be refused.
    pub fn parse(head: &[u8]) -> Result<Self, RequestError> {
        let head = head.strip_prefix(b"\r\n").unwrap_or(head);
        let (line, fields) = first_line(head).ok_or(RequestError::Malformed)?;
        let line = str::from_utf8(line).map_err(|_| RequestError::Malformed)?;
        let mut parts = line.split(' ');
        let (Some(method), Some(target), Some(version_text), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(RequestError::Malformed);
        };
        check_line(method, target)?;
        let version_minor = match version(version_text.as_bytes()) {
            Some((1, minor)) => minor,
            Some(_) => return Err(RequestError::HttpVersion),
            None => return Err(RequestError::Malformed),
        };
        Self::http1(method, target, version_minor, Headers::parse(fields)?)
    }

    /// Creates a request of HTTP/1 that other code has parsed, with the same checks as
    /// [`parse`](Self::parse): its method, the target and the minor version of its first line, and
    /// its header fields. Limits of the head are those of the code that parsed it.
    ///
    /// ```
    /// use wsproto::handshake::Request;
    ///
    /// let fields = [
    ///     ("host", "example.com"),
    ///     ("upgrade", "websocket"),
    ///     ("connection", "upgrade"),
    ///     ("sec-websocket-version", "13"),
    ///     ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    /// ];
    /// let request = Request::from_parts("GET", "/chat", 1, fields)?;
    /// assert_eq!(request.check_upgrade(), Ok(()));
    /// # Ok::<(), wsproto::handshake::RequestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the request can only be refused.
    pub fn from_parts<N: AsRef<str>, V: AsRef<[u8]>>(
        method: &str,
        target: &str,
        version_minor: u8,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, RequestError> {
        check_line(method, target)?;
        Self::http1(method, target, version_minor, Headers::from_fields(headers)?)
    }

    fn http1(
        method: &str,
        target: &str,
        version_minor: u8,
        headers: Headers,
    ) -> Result<Self, RequestError> {
        // RFC 9110 section 7.8: HTTP/1.0 has no upgrades, and ignores the field.
        let is_upgrade = version_minor > 0 && headers.list_contains("Upgrade", "websocket");
        let (method, target) = (method.into(), target.into());
        let (authority, verdict) = (None, Ok(()));
        Self { method, target, version_minor, headers, authority, is_upgrade, verdict }.checked()
    }

    fn checked(mut self) -> Result<Self, RequestError> {
        self.check_http()?;
        self.verdict = self.judge_upgrade();
        Ok(self)
    }

    /// Checks the rules that apply to every request, in the order of its parts.
    fn check_http(&self) -> Result<(), RequestError> {
        if self.method == "CONNECT" && !self.is_extended_connect() {
            return Err(RequestError::Method);
        }
        let target = self.target.as_str();
        // RFC 9112 section 3.2.4: an asterisk addresses the server as a whole.
        let is_asterisk = target == "*" && self.method == "OPTIONS";
        if !is_asterisk && split_target(target).is_none()
            || !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        {
            return Err(RequestError::Target);
        }
        let missing = self.headers.get_bytes("Host").is_none();
        let host = self.headers.only("Host");
        let valid = match &self.authority {
            // RFC 9113 section 8.3.1: a Host that differs makes the request malformed.
            Some(authority) => {
                is_host(authority)
                    && host.map_or(missing, |host| host.eq_ignore_ascii_case(authority))
            }
            // RFC 9112 section 3.2: a request of HTTP/1.1 without exactly one valid Host gets a 400.
            None => host.map_or(missing && self.version_minor == 0, is_host),
        };
        if !valid {
            return Err(RequestError::Host);
        }
        let mut lengths = self.headers.get_all_bytes("Content-Length");
        if self.headers.get_bytes("Transfer-Encoding").is_some()
            || !matches!((lengths.next(), lengths.next()), (None | Some(b"0"), None))
        {
            return Err(RequestError::Body);
        }
        Ok(())
    }

    fn judge_upgrade(&self) -> Result<(), RequestError> {
        let headers = &self.headers;
        let is_http1 = self.authority.is_none();
        match (self.is_upgrade, self.method.as_str()) {
            // `check_http` passes only an extended CONNECT.
            (true, "GET" | "CONNECT") => {}
            (false, "GET" | "HEAD" | "OPTIONS") if is_http1 => return Err(RequestError::NoUpgrade),
            (false, "GET" | "HEAD" | "OPTIONS") => return Err(RequestError::NotConnect),
            _ => return Err(RequestError::Method),
        }
        if is_http1 && !headers.list_contains("Connection", "Upgrade") {
            return Err(RequestError::Connection);
        }
        match headers.only("Sec-WebSocket-Version") {
            Some("13") => {}
            Some(other) if is_http1 && is_version(other) => {
                return Err(RequestError::UnsupportedVersion);
            }
            _ => return Err(RequestError::InvalidVersion),
        }
        // RFC 8441 section 5: `:protocol` takes the place of the key, which is not processed.
        if is_http1 && !headers.only("Sec-WebSocket-Key").is_some_and(accept_key::is_key) {
            return Err(RequestError::Key);
        }
        if !self.subprotocols().all(is_token) {
            return Err(RequestError::Subprotocol);
        }
        let mut extensions = headers.get_all("Sec-WebSocket-Extensions");
        if extensions.any(|value| Extension::parse_list(value).is_err()) {
            return Err(RequestError::Extensions);
        }
        Ok(())
    }

    /// Returns whether the request asks for a WebSocket connection, valid or not. Any other request
    /// is an ordinary one, for the application to answer.
    #[must_use]
    pub const fn is_upgrade(&self) -> bool {
        self.is_upgrade
    }

    /// Returns whether the request is the extended CONNECT with which a WebSocket begins over HTTP/2
    /// (RFC 8441 section 5) and HTTP/3 (RFC 9220).
    #[must_use]
    pub const fn is_extended_connect(&self) -> bool {
        self.is_upgrade && self.authority.is_some()
    }

    /// Checks that the request is an opening handshake as described in section 4.2.1, or in RFC 8441
    /// section 5.
    ///
    /// # Errors
    ///
    /// The error that determines a server's default response: [`RequestError::NoUpgrade`],
    /// [`RequestError::NotConnect`] or [`RequestError::Method`] for an ordinary request (see
    /// [`is_upgrade`](Self::is_upgrade)), another [`RequestError`] for an invalid handshake.
    pub const fn check_upgrade(&self) -> Result<(), RequestError> {
        self.verdict
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the request target exactly as in the request line, or `:path`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the minor version number: 1 for HTTP/1.1, 0 for HTTP/1.0, HTTP/2 and HTTP/3.
    #[must_use]
    pub const fn version_minor(&self) -> u8 {
        self.version_minor
    }

    /// Returns the path: the target without scheme, host and query; `*` if an OPTIONS request
    /// addresses the server as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        split_target(&self.target).map_or(&self.target, |(path, _)| path)
    }

    /// Returns the query as it was sent, without its question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        split_target(&self.target)?.1
    }

    /// Returns the names and values of the query, decoded: `+` is a space, `%41` an A.
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.query().unwrap_or_default().as_bytes())
    }

    /// Returns the host that the request is for, with its port if it has one: `:authority`, or from a
    /// target in absolute form, otherwise from the `Host` header (RFC 9112 section 3.2.2). It is empty
    /// if a request of HTTP/1.0 names no host.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = match self.target.split_once("://") {
            _ if self.authority.is_some() => self.authority.as_deref(),
            Some((_, rest)) if !self.target.starts_with('/') => rest.split(['/', '?']).next(),
            _ => self.headers.get("Host"),
        };
        authority.unwrap_or_default()
    }

    /// Returns the header fields.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the origin of the connecting page; `None` if the client is not a browser (section
    /// 4.2.1).
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.headers.get("Origin")
    }

    /// Returns the subprotocols that the client offers, in order of preference.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all("Sec-WebSocket-Protocol").flat_map(elements)
    }

    /// Returns the extensions that the client offers, in order of preference.
    pub fn extensions(&self) -> impl Iterator<Item = Extension> {
        let values = self.headers.get_all("Sec-WebSocket-Extensions");
        values.flat_map(|value| Extension::parse_list(value).unwrap_or_default())
    }

    /// Returns the expected value of `Sec-WebSocket-Accept`.
    pub(super) fn accept_key(&self) -> String {
        accept_key(self.headers.get("Sec-WebSocket-Key").unwrap_or_default())
    }
}

/// Hides the query and secret header values.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("target", &WithoutQuery(&self.target))
            .field("version_minor", &self.version_minor)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// Checks the form of a method and a target.
fn check_line(method: &str, target: &str) -> Result<(), RequestError> {
    match is_token(method) && !target.is_empty() {
        true => Ok(()),
        false => Err(RequestError::Malformed),
    }
}

/// Splits the path and query out of a target in origin form, or in absolute form with scheme and
/// host (RFC 9112 section 3.2).
fn split_target(target: &str) -> Option<(&str, Option<&str>)> {
    let resource = match target.split_once("://") {
        Some((scheme, rest)) if !target.starts_with('/') => {
            if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
                return None;
            }
            let (host, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            if !is_authority(host) {
                return None;
            }
            resource
        }
        _ if target.starts_with('/') => target,
        _ => return None,
    };
    let (path, query) = match resource.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (resource, None),
    };
    Some((if path.is_empty() { "/" } else { path }, query))
}

/// Returns whether the value is a host, optionally with a port (RFC 9112 section 3.2); a comma
/// would look like two hosts.
fn is_host(value: &str) -> bool {
    !value.contains(',') && is_authority(value)
}

/// Returns whether the value is 0 to 255 without leading zeros (section 4.3).
fn is_version(value: &str) -> bool {
    value.parse::<u8>().is_ok_and(|number| alloc::format!("{number}") == value)
}
