//! Requests received by a server.

mod pseudo;
mod query;
mod target;
mod verdict;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, str};

use super::accept_key::Key;
use super::fields::Fields;
use super::head::{first_line, version};
use super::list::{elements, is_token};
use super::{Extension, Headers, RequestError};
use crate::redacted::WithoutQuery;
pub use pseudo::PseudoHeaders;
use target::split_target;
use verdict::{Http, Line, Verdict};

/// A request: an opening handshake or an ordinary request.
///
/// A [`Session`](crate::Session) parses those of HTTP/1. Where other code handles HTTP, they are made
/// [from their parts](Self::from_parts), or [from pseudo-header fields](Self::from_pseudo_headers) in
/// HTTP/2 and HTTP/3; [`Accept::answer`](super::Accept::answer) answers them.
#[derive(Clone)]
pub struct Request {
    /// The head. The bytes in front of its fields begin with the method, one more byte and the target.
    head: Headers,
    method_len: usize,
    target_len: usize,
    version_minor: u8,
    /// `:authority` of HTTP/2 or HTTP/3, or the `Host` in its place.
    authority: Option<String>,
    verdict: Verdict,
}

impl Request {
    /// Parses a head found by [`HeadFinder`](super::HeadFinder), including its empty line. Without a
    /// finder, there are no limits, bytes after the head are ignored, and a byte that is not allowed
    /// makes the request [malformed](RequestError::Malformed).
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the request can only be refused.
    pub fn parse(head: &[u8]) -> Result<Self, RequestError> {
        Self::parse_front(head).map(|(request, _)| request)
    }

    /// Parses the head at the front of `input`; also returns how many bytes belong to it, including an
    /// empty line before it.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub(crate) fn parse_front(input: &[u8]) -> Result<(Self, usize), RequestError> {
        let head = input.strip_prefix(b"\r\n").unwrap_or(input);
        let skipped = input.len() - head.len();
        let (line, lines) = first_line(head).ok_or(RequestError::Malformed)?;
        let start = head.len() - lines.len();
        let mut parts = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version_text), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(RequestError::Malformed);
        };
        let text = |part| str::from_utf8(part).map_err(|_| RequestError::Malformed);
        let (method, target) = (text(method)?, text(target)?);
        check_line(method, target)?;
        let version_minor = match version(version_text) {
            Some((1, minor)) => minor,
            Some(_) => return Err(RequestError::HttpVersion),
            None => return Err(RequestError::Malformed),
        };
        let mut fields = Fields::default();
        let (head, len) = Headers::parse(head, start, |field, value| fields.see(field, value))?;
        let verdict =
            Line { method, target, http: Http::One { minor: version_minor } }.judge(&fields)?;
        let (method_len, target_len) = (method.len(), target.len());
        let request =
            Self { head, method_len, target_len, version_minor, authority: None, verdict };
        Ok((request, skipped + len))
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
        let head = Headers::from_fields(joined(method, target), headers)?;
        let line = Line { method, target, http: Http::One { minor: version_minor } };
        let verdict = line.judge(&head.known()?)?;
        let (method_len, target_len) = (method.len(), target.len());
        Ok(Self { head, method_len, target_len, version_minor, authority: None, verdict })
    }

    /// Returns whether the request asks for a WebSocket connection, valid or not. Any other request
    /// is an ordinary one, for the application to answer.
    #[must_use]
    pub const fn is_upgrade(&self) -> bool {
        self.verdict.is_upgrade
    }

    /// Returns whether the request is the extended CONNECT with which a WebSocket begins over HTTP/2
    /// (RFC 8441 section 5) and HTTP/3 (RFC 9220).
    #[must_use]
    pub const fn is_extended_connect(&self) -> bool {
        self.verdict.is_upgrade && self.authority.is_some()
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
        self.verdict.handshake
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.part(0, self.method_len)
    }

    /// Returns the request target exactly as in the request line, or `:path`.
    #[must_use]
    pub fn target(&self) -> &str {
        self.part(self.method_len + 1, self.target_len)
    }

    /// Returns the method or the target, both of which are ASCII.
    fn part(&self, start: usize, len: usize) -> &str {
        let part = self.head.before().get(start..).and_then(|rest| rest.get(..len));
        str::from_utf8(part.unwrap_or_default()).unwrap_or_default()
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
        split_target(self.target()).map_or(self.target(), |(path, _)| path)
    }

    /// Returns the query as it was sent, without its question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        split_target(self.target())?.1
    }

    /// Returns the names and values of the query, decoded: `+` is a space, `%41` an A.
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        query::pairs(self.query().unwrap_or_default())
    }

    /// Returns the host that the request is for, with its port if it has one. In HTTP/2 and HTTP/3 it is
    /// `:authority`, or the `Host` header in its place; in HTTP/1 it is part of a target in absolute form, or
    /// else the `Host` header (RFC 9112 section 3.2.2), and empty if a request of HTTP/1.0 names no host.
    #[must_use]
    pub fn host(&self) -> &str {
        let target = self.target();
        let authority = match target.split_once("://") {
            _ if self.authority.is_some() => self.authority.as_deref(),
            Some((_, rest)) if !target.starts_with('/') => rest.split(['/', '?']).next(),
            _ => self.head.get("Host"),
        };
        authority.unwrap_or_default()
    }

    /// Returns the header fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.head
    }

    /// Returns the origin of the connecting page; `None` if the client is not a browser (section
    /// 4.2.1).
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.head.get("Origin")
    }

    /// Returns the subprotocols that the client offers, in order of preference.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.head.get_all("Sec-WebSocket-Protocol").flat_map(elements)
    }

    /// Returns the extensions that the client offers, in order of preference.
    pub fn extensions(&self) -> impl Iterator<Item = Extension> {
        let values = self.head.get_all("Sec-WebSocket-Extensions");
        values.flat_map(|value| Extension::parse_list(value).unwrap_or_default())
    }

    /// Returns the key of a valid handshake of HTTP/1.
    pub(super) const fn key(&self) -> Option<Key> {
        self.verdict.key
    }
}

/// Two are equal if they have the same first line and the same fields.
impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        (self.method(), self.target(), self.version_minor, &self.authority, &self.head)
            == (other.method(), other.target(), other.version_minor, &other.authority, &other.head)
    }
}

impl Eq for Request {}

/// Hides the query and secret header values.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("target", &WithoutQuery(self.target()))
            .field("version_minor", &self.version_minor)
            .field("headers", &self.head)
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

/// Joins a method and a target, as in a head.
fn joined(method: &str, target: &str) -> Vec<u8> {
    [method, target].join(" ").into_bytes()
}
