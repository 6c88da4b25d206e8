//! Responses, sent by a server or received by a client.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::date::encode_date;
use super::field::Known;
use super::head::{first_line, version};
use super::text::text_len;
use super::{AcceptError, Headers, InvalidHeader, ResponseError, http_date};
use crate::redacted::Length;

/// An HTTP/1.1 response with its body in memory.
///
/// ```
/// use wsproto::handshake::Response;
///
/// let mut out = Vec::new();
/// Response::text(403, "Not from there.\n").encode(&mut out);
/// assert!(out.starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    version_minor: u8,
    headers: Headers,
    body: Vec<u8>,
}

impl Response {
    /// Creates a response with neither headers nor a body.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, version_minor: 1, headers: Headers::new(), body: Vec::new() }
    }

    /// Creates a plain-text response.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        Self::new(status).body("text/plain; charset=utf-8", body)
    }

    /// Creates an HTML response with status 200.
    #[must_use]
    pub fn html(body: &str) -> Self {
        Self::new(200).body("text/html; charset=utf-8", body)
    }

    /// Sets the body and its `Content-Type`, which is omitted if it is not a valid header value.
    /// [`body_bytes`](Self::body_bytes) returns the body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.push_header("Content-Type", content_type);
        self.body = body.into();
        self
    }

    /// Adds a header field. Fields named `Content-Length`, `Connection` or `Transfer-Encoding` are not sent:
    /// the engine frames the response itself.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] if the name or value is not allowed in a head.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, InvalidHeader> {
        self.headers.push(name, value)?;
        Ok(self)
    }

    /// Adds the `Date` that every response of a server with a clock must have (RFC 9110 section
    /// 6.6.1), unless there is one; the time is given since the UNIX epoch. A session [with a UNIX
    /// time](crate::Session::with_unix_time) does the same.
    #[must_use]
    pub fn date(mut self, since_epoch: Duration) -> Self {
        if !self.has_date() {
            self.push_header("Date", http_date(since_epoch));
        }
        self
    }

    /// Adds those fields whose names the response does not have.
    #[must_use]
    pub fn with_missing(mut self, fields: &Headers) -> Self {
        let missing = |name: &str| self.headers.get_bytes(name).is_none();
        let missing: Vec<_> = fields.iter().filter(|(name, _)| missing(name)).collect();
        for (name, value) in missing {
            let _valid = self.headers.push(name, value);
        }
        self
    }

    fn has_date(&self) -> bool {
        self.headers.get_bytes("Date").is_some()
    }

    /// Adds a header field that is known to be valid.
    pub(super) fn push_header(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let _valid = self.headers.push(name, value);
    }

    /// Appends the response to `out`: head and body. The response announces that the connection
    /// will be closed, unless its status is 101.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_to("", None, out);
    }

    /// Appends the response to a request with that method, at that time since the UNIX epoch, as
    /// [`encode`](Self::encode) does. HEAD gets no body (RFC 9110 section 9.3.2).
    pub(crate) fn encode_to(&self, method: &str, date: Option<Duration>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.status_line().as_bytes());
        if let Some(date) = date
            && !self.has_date()
        {
            encode_date(date, out);
        }
        for (name, value) in self.unframed_fields() {
            encode_field(name, value, out);
        }
        let connection: &[u8] = match (self.is_about_upgrade(), self.status) {
            (true, 101) => b"Upgrade",
            (true, _) => b"Upgrade, close",
            (false, _) => b"close",
        };
        encode_field("Connection", connection, out);
        if !self.has_no_body() {
            let length = alloc::format!("{}", self.body.len());
            encode_field("Content-Length", length.as_bytes(), out);
        }
        out.extend_from_slice(b"\r\n");
        if !self.has_no_body() && method != "HEAD" {
            out.extend_from_slice(&self.body);
        }
    }

    /// Returns the header fields to send where other code writes the message: without those that frame
    /// it or end the connection, which are that code's own (`Content-Length`, `Transfer-Encoding`,
    /// `Connection`); but with `Connection: Upgrade` beside an `Upgrade` (RFC 9110 section 7.8).
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let connection = ("Connection", &b"Upgrade"[..]);
        self.unframed_fields().chain(self.is_about_upgrade().then_some(connection))
    }

    fn unframed_fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        const FRAMING: [&str; 3] = ["Connection", "Content-Length", "Transfer-Encoding"];
        let frames = |name: &str| FRAMING.iter().any(|other| other.eq_ignore_ascii_case(name));
        self.headers.iter().filter(move |(name, _)| !frames(name))
    }

    fn is_about_upgrade(&self) -> bool {
        self.headers.get_bytes("Upgrade").is_some()
    }

    /// Returns whether the status excludes a body (RFC 9112 section 6.3).
    pub(super) const fn has_no_body(&self) -> bool {
        matches!(self.status, 100..=199 | 204 | 304)
    }

    fn status_line(&self) -> String {
        alloc::format!("HTTP/1.1 {} {}\r\n", self.status, reason_phrase(self.status))
    }

    /// Parses a head found by [`HeadFinder`](super::HeadFinder), including its empty line. Without a
    /// finder, there are no limits, bytes after the head are ignored, and a byte that is not allowed
    /// makes the response malformed.
    ///
    /// # Errors
    ///
    /// [`ResponseError::Malformed`], [`ResponseError::NonAscii`], or [`ResponseError::HttpVersion`]
    /// for a major version other than HTTP/1, and for a 101 of HTTP/1.0.
    pub fn parse(head: &[u8]) -> Result<Self, ResponseError> {
        Self::parse_front(head, |_, _| {}).map(|(response, _)| response)
    }

    /// Parses the head at the front of `input`, and calls `see` with the fields that a handshake reads. Also
    /// returns how many bytes belong to the head.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub(crate) fn parse_front<'a>(
        input: &'a [u8],
        see: impl FnMut(Known, &'a [u8]),
    ) -> Result<(Self, usize), ResponseError> {
        let (line, fields) = first_line(input).ok_or(ResponseError::Malformed)?;
        if text_len(line) < line.len() {
            return Err(ResponseError::Malformed);
        }
        let mut parts = line.splitn(3, |byte| *byte == b' ');
        let minor = match parts.next().and_then(version) {
            Some((1, minor)) => minor,
            Some(_) => return Err(ResponseError::HttpVersion),
            None => return Err(ResponseError::Malformed),
        };
        let status = match parts.next() {
            Some([a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']) => {
                [a, b, c].into_iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'))
            }
            _ => return Err(ResponseError::Malformed),
        };
        if status == 101 && minor == 0 {
            return Err(ResponseError::HttpVersion);
        }
        let (headers, len) = Headers::parse(fields, 0, see)?;
        let response = Self { status, version_minor: minor, headers, body: Vec::new() };
        Ok((response, input.len() - fields.len() + len))
    }

    /// Creates a response, of any version of HTTP, that other code has received, with the same checks
    /// of its header fields as [`parse`](Self::parse).
    ///
    /// # Errors
    ///
    /// [`ResponseError::Malformed`] or [`ResponseError::NonAscii`].
    pub fn from_parts<N: AsRef<str>, V: AsRef<[u8]>>(
        status: u16,
        headers: impl IntoIterator<Item = (N, V)>,
        body: impl Into<Vec<u8>>,
    ) -> Result<Self, ResponseError> {
        let headers = Headers::from_fields(Vec::new(), headers)?;
        Ok(Self { headers, body: body.into(), ..Self::new(status) })
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the header fields.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the body. That of a received response holds at most
    /// [`Config::max_body_size`](crate::Config::max_body_size) bytes, with the chunked coding
    /// removed.
    #[must_use]
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    pub(super) const fn version_minor(&self) -> u8 {
        self.version_minor
    }

    pub(crate) fn set_body(&mut self, body: Vec<u8>) {
        self.body = body;
    }
}

/// Hides the body and secret header values.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &Length(self.body.len()))
            .finish_non_exhaustive()
    }
}

/// Returns the response to send if the application's own could not be created: 500.
impl From<InvalidHeader> for Response {
    fn from(_: InvalidHeader) -> Self {
        Self::text(500, "Internal Server Error\n")
    }
}

/// Returns the response to send if a request could not be accepted: that of the request's error, or
/// 500.
impl From<AcceptError> for Response {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Request(error) => error.into(),
            _ => Self::text(500, "Internal Server Error\n"),
        }
    }
}

pub(super) fn encode_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Returns the standard reason phrase of a status (RFC 9110 section 15); other statuses need none.
const fn reason_phrase(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
