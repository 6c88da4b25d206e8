//! A request as a server sees it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;

use super::list::{elements, is_token};
use super::{Extension, HeadError, Headers, Response, accept_key};
use crate::url::is_authority;

/// What is wrong with a request; [`response`](Self::response) is the answer it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The head is not HTTP: 400, or 414 and 431 where a limit was exceeded.
    #[error("malformed request: {0}")]
    Head(#[from] HeadError),
    /// The head is not HTTP, although every byte of it is allowed: 400.
    #[error("malformed request")]
    Malformed,
    /// Any version but HTTP/1.1: 505.
    #[error("HTTP version not supported")]
    HttpVersion,
    /// The target is neither a path nor an absolute `http` or `https` URL: 400.
    #[error("invalid request target")]
    Target,
    /// `Host` is missing, repeated or malformed: 400.
    #[error("missing or invalid Host header")]
    Host,
    /// The request has a body, which could be taken for frames: 400.
    #[error("request with a body")]
    Body,
    /// Any method but GET, or HEAD where no upgrade is asked for: 405.
    #[error("method not allowed")]
    Method,
    /// `Upgrade` does not contain `websocket`: an ordinary request, which gets 426.
    #[error("not a WebSocket handshake")]
    NoUpgrade,
    /// `Connection` does not contain `Upgrade`: 400.
    #[error("missing token Upgrade in the Connection header")]
    Connection,
    /// `Sec-WebSocket-Version` is missing, repeated or no number: 400.
    #[error("missing or invalid Sec-WebSocket-Version header")]
    InvalidVersion,
    /// `Sec-WebSocket-Version` is another than 13: 426, naming 13 (section 4.4).
    #[error("WebSocket version not supported")]
    UnsupportedVersion,
    /// `Sec-WebSocket-Key` is missing, repeated or not 16 bytes in base64: 400.
    #[error("missing or invalid Sec-WebSocket-Key header")]
    Key,
    /// `Sec-WebSocket-Protocol` is not a list of tokens: 400.
    #[error("invalid Sec-WebSocket-Protocol header")]
    Subprotocol,
    /// `Sec-WebSocket-Extensions` is malformed: 400 (section 9.1).
    #[error("invalid Sec-WebSocket-Extensions header")]
    Extensions,
}

impl RequestError {
    /// Returns the status of the answer.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Head(HeadError::FirstLineTooLong) => 414,
            Self::Head(HeadError::TooLong | HeadError::TooManyFields) => 431,
            Self::HttpVersion => 505,
            Self::Method => 405,
            Self::NoUpgrade | Self::UnsupportedVersion => 426,
            _ => 400,
        }
    }

    /// Returns the answer: a status, the headers that go with it, and a line that says why.
    #[must_use]
    pub fn response(self) -> Response {
        let headers: &[(&str, &str)] = match self {
            Self::Method => &[("Allow", "GET, HEAD")],
            // RFC 9110 section 15.5.22: 426 names the protocol; RFC 6455 section 4.2.2: and version.
            Self::NoUpgrade | Self::UnsupportedVersion => {
                &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
            }
            Self::InvalidVersion => &[("Sec-WebSocket-Version", "13")],
            _ => &[],
        };
        let mut response = Response::text(self.status(), &alloc::format!("{self}\n"));
        for (name, value) in headers {
            response.push_header(name, value);
        }
        response
    }
}

/// An HTTP/1.1 request: one that asks for a WebSocket connection, or an ordinary one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    method: String,
    target: String,
    headers: Headers,
}

impl Request {
    /// Parses a head that [`HeadFinder`](super::HeadFinder) found, up to and with its empty line.
    ///
    /// # Errors
    ///
    /// [`RequestError`], for what makes a request unfit for any answer but a refusal.
    pub fn parse(head: &[u8]) -> Result<Self, RequestError> {
        let lines = head.iter().filter(|byte| **byte == b'\n').count();
        let mut fields = vec![httparse::EMPTY_HEADER; lines];
        let mut parsed = httparse::Request::new(&mut fields);
        let version = match parsed.parse(head) {
            Ok(httparse::Status::Complete(_)) => parsed.version,
            Ok(httparse::Status::Partial) => None,
            Err(httparse::Error::Version) if names_other_version(head) => {
                return Err(RequestError::HttpVersion);
            }
            Err(_) => None,
        };
        match version {
            Some(1) => {}
            Some(_) => return Err(RequestError::HttpVersion),
            None => return Err(RequestError::Malformed),
        }
        let mut headers = Headers::with_capacity(parsed.headers.len(), head.len());
        for field in parsed.headers.iter() {
            let value = core::str::from_utf8(field.value).map_err(|_| RequestError::Malformed)?;
            headers.push(field.name, value).map_err(|_| RequestError::Malformed)?;
        }
        let request = Self {
            method: parsed.method.unwrap_or_default().into(),
            target: parsed.path.unwrap_or_default().into(),
            headers,
        };
        request.check_http()?;
        Ok(request)
    }

    /// Checks what concerns every request, in the order in which it stands there.
    fn check_http(&self) -> Result<(), RequestError> {
        let target = self.target.as_str();
        if split_target(target).is_none()
            || !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        {
            return Err(RequestError::Target);
        }
        // RFC 9112 section 3.2: a request without exactly one valid Host gets a 400.
        if !self.headers.only("Host").is_some_and(is_host) {
            return Err(RequestError::Host);
        }
        let lengths = self.headers.get_all("Content-Length");
        if self.headers.get("Transfer-Encoding").is_some() || lengths.into_iter().any(|v| v != "0")
        {
            return Err(RequestError::Body);
        }
        Ok(())
    }

    /// Checks that the request is an opening handshake as section 4.2.1 describes it.
    ///
    /// # Errors
    ///
    /// [`RequestError::NoUpgrade`] if it is an ordinary request, another [`RequestError`] if it is a
    /// handshake gone wrong.
    pub fn check_upgrade(&self) -> Result<(), RequestError> {
        let headers = &self.headers;
        if !headers.list_contains("Upgrade", "websocket") {
            return Err(match self.method.as_str() {
                "GET" | "HEAD" => RequestError::NoUpgrade,
                _ => RequestError::Method,
            });
        }
        if self.method != "GET" {
            return Err(RequestError::Method);
        }
        if !headers.list_contains("Connection", "Upgrade") {
            return Err(RequestError::Connection);
        }
        match headers.only("Sec-WebSocket-Version") {
            Some("13") => {}
            Some(other) if is_version(other) => return Err(RequestError::UnsupportedVersion),
            _ => return Err(RequestError::InvalidVersion),
        }
        if !headers.only("Sec-WebSocket-Key").is_some_and(accept_key::is_key) {
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

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the target exactly as it stands in the request line.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the path: the target without scheme, host and query.
    #[must_use]
    pub fn path(&self) -> &str {
        split_target(&self.target).map_or("/", |(path, _)| path)
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

    /// Returns the host that the request is for, with its port if it has one: that of a target in
    /// absolute form, or else that of the `Host` header (RFC 9112 section 3.2.2).
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = match self.target.split_once("://") {
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

    /// Returns the origin of the page that connects; `None` if the client is no browser (section
    /// 4.2.1).
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.headers.get("Origin")
    }

    /// Returns the subprotocols that the client offers, the preferred one first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all("Sec-WebSocket-Protocol").flat_map(elements)
    }

    /// Returns the extensions that the client offers, the preferred one first.
    pub fn extensions(&self) -> impl Iterator<Item = Extension> {
        let values = self.headers.get_all("Sec-WebSocket-Extensions");
        values.flat_map(|value| Extension::parse_list(value).unwrap_or_default())
    }

    /// Returns what `Sec-WebSocket-Accept` has to be.
    pub(super) fn accept_key(&self) -> String {
        accept_key(self.headers.get("Sec-WebSocket-Key").unwrap_or_default())
    }
}

/// Takes path and query out of a target in origin form or, with scheme and host, in absolute form
/// (RFC 9112 section 3.2).
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

/// Whether the first line ends in a version, and not in HTTP/1.1.
fn names_other_version(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let last = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    last.starts_with(b"HTTP/") && last != b"HTTP/1.1"
}

/// A host, perhaps with a port (RFC 9112 section 3.2); a comma would look like two of them.
fn is_host(value: &str) -> bool {
    !value.contains(',') && is_authority(value)
}

/// Section 4.3: 0 to 255 without leading zeros.
fn is_version(value: &str) -> bool {
    value.parse::<u8>().is_ok_and(|number| alloc::format!("{number}") == value)
}
