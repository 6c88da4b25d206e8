//! A response: one that a server gives, or one that a client got.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Headers, InvalidHeader, ResponseError};

/// An HTTP/1.1 response with a body that is held in memory.
///
/// ```
/// use wsproto::handshake::Response;
///
/// let mut out = Vec::new();
/// Response::text(403, "Not from there.\n").encode(&mut out);
/// assert!(out.starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

impl Response {
    /// Begins a response with neither headers nor a body.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, headers: Headers::new(), body: Vec::new() }
    }

    /// Makes a response of plain text.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        Self::new(status).body("text/plain; charset=utf-8", body)
    }

    /// Makes a page: status 200 and HTML.
    #[must_use]
    pub fn html(body: &str) -> Self {
        Self::new(200).body("text/html; charset=utf-8", body)
    }

    /// Sets the body and its `Content-Type`, which is left out if it is no header value.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.push_header("Content-Type", content_type);
        self.body = body.into();
        self
    }

    /// Adds a header field. `Content-Length` and `Connection` are written in any case.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] if name or value could not stand in a head.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, InvalidHeader> {
        self.headers.push(name, value)?;
        Ok(self)
    }

    /// Adds a header field that is known to be valid.
    pub(super) fn push_header(&mut self, name: &str, value: &str) {
        let _valid = self.headers.push(name, value);
    }

    /// Appends the response to `out`: head and body. The connection is not used again afterwards,
    /// and the response says so.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_head(out);
        if !self.has_no_body() {
            out.extend_from_slice(&self.body);
        }
    }

    /// Appends the response to a HEAD request: all but the body.
    pub(crate) fn encode_head(&self, out: &mut Vec<u8>) {
        let length = alloc::format!("{}", self.body.len());
        out.extend_from_slice(self.status_line().as_bytes());
        for (name, value) in self.headers.iter() {
            if !name.eq_ignore_ascii_case("Content-Length")
                && !name.eq_ignore_ascii_case("Connection")
                && !name.eq_ignore_ascii_case("Transfer-Encoding")
            {
                encode_field(name, value, out);
            }
        }
        // RFC 9110 section 7.8: who sends Upgrade also names it in Connection.
        let upgrade = self.headers.get("Upgrade").is_some();
        encode_field("Connection", if upgrade { "Upgrade, close" } else { "close" }, out);
        if !self.has_no_body() {
            encode_field("Content-Length", &length, out);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// RFC 9112 section 6.3: a body can never follow these.
    const fn has_no_body(&self) -> bool {
        matches!(self.status, 100..=199 | 204 | 304)
    }

    fn status_line(&self) -> String {
        alloc::format!("HTTP/1.1 {} {}\r\n", self.status, reason_phrase(self.status))
    }

    /// Parses a head that [`HeadFinder`](super::HeadFinder) found, up to and with its empty line.
    ///
    /// # Errors
    ///
    /// [`ResponseError::Malformed`], or [`ResponseError::HttpVersion`] for a 101 of any but HTTP/1.1,
    /// and for any response of another major version.
    pub fn parse(head: &[u8]) -> Result<Self, ResponseError> {
        let lines = head.iter().filter(|byte| **byte == b'\n').count();
        let mut fields = vec![httparse::EMPTY_HEADER; lines];
        let mut parsed = httparse::Response::new(&mut fields);
        match parsed.parse(head) {
            Ok(httparse::Status::Complete(_))
                if parsed.version == Some(1) || parsed.code != Some(101) => {}
            Ok(httparse::Status::Complete(_)) | Err(httparse::Error::Version) => {
                return Err(ResponseError::HttpVersion);
            }
            _ => return Err(ResponseError::Malformed),
        }
        let mut headers = Headers::with_capacity(parsed.headers.len(), head.len());
        for field in parsed.headers.iter() {
            let value = core::str::from_utf8(field.value).map_err(|_| ResponseError::Malformed)?;
            headers.push(field.name, value).map_err(|_| ResponseError::Malformed)?;
        }
        Ok(Self { status: parsed.code.unwrap_or_default(), headers, body: Vec::new() })
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

    /// Returns the body; of a response that was received, what arrived of it, at most
    /// [`Config::max_body_size`](crate::Config::max_body_size) bytes, as it was transferred.
    #[must_use]
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// How long the body is that follows a head that was received, as far as the head says (RFC
    /// 9112 section 6.3).
    pub(crate) fn body_len(&self) -> usize {
        match self.status {
            204 | 304 => 0,
            _ if self.headers.get("Transfer-Encoding").is_some() => usize::MAX,
            _ => match self.headers.only("Content-Length").map(str::parse) {
                Some(Ok(len)) => len,
                _ => usize::MAX,
            },
        }
    }

    pub(crate) fn set_body(&mut self, body: Vec<u8>) {
        self.body = body;
    }
}

pub(super) fn encode_field(name: &str, value: &str, out: &mut Vec<u8>) {
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// The customary words after a status (RFC 9110 section 15); for others, none are needed.
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
