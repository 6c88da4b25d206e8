//! Redirects (RFC 9110 sections 10.2.2 and 15.4).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::list::trim;
use super::{ClientRequest, Response};
use crate::url::{UrlError, WsUrl, is_in_path};

/// The reason why a redirect is not followed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// The status is not that of a redirect.
    #[error("status {0} is not a redirect")]
    Status(u16),
    /// `Location` is missing or repeated.
    #[error("the redirect has no single Location header")]
    Location,
    /// `Location` is not a WebSocket URL.
    #[error("the Location header of the redirect is not a WebSocket URL: {0}")]
    Url(#[from] UrlError),
    /// From `wss` to `ws`: confidential data would continue in clear text.
    #[error("the redirect leads from wss to ws")]
    Insecure,
}

impl ClientRequest {
    /// Returns the request to send after a server has responded to this one with a redirect.
    ///
    /// Added header fields and cookies, which may be credentials, are dropped if the new URL has
    /// another origin: another host, port or scheme.
    ///
    /// # Errors
    ///
    /// [`RedirectError`] if the response is not a redirect, or must not be followed.
    pub fn redirected(&self, response: &Response) -> Result<Self, RedirectError> {
        if !matches!(response.status(), 301 | 302 | 303 | 307 | 308) {
            return Err(RedirectError::Status(response.status()));
        }
        let location = response.headers().only_bytes("Location").ok_or(RedirectError::Location)?;
        let url = resolve(self.url(), &encoded(location))?;
        if self.url().is_secure() && !url.is_secure() {
            return Err(RedirectError::Insecure);
        }
        let origin = |url: &WsUrl| (url.is_secure(), url.authority());
        let same_origin = origin(&url) == origin(self.url());
        Ok(self.towards(url, same_origin))
    }
}

/// Repairs a URL reference as browsers do (the URL standard's basic URL parser): removes tabs and
/// the fragment, treats a backslash as a slash, and percent-encodes bytes that are not allowed in a
/// path or query. The host is unchanged, and is validated like any other.
fn encoded(reference: &[u8]) -> String {
    let mut rest = trim(reference, b" ").split(|byte| *byte == b'#').next().unwrap_or_default();
    let (mut text, mut in_query) = (String::with_capacity(rest.len()), false);
    let mut in_authority = false;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        let byte = if *byte == b'\\' && !in_query { b'/' } else { *byte };
        if byte == b'\t' {
            continue;
        }
        if in_authority && matches!(byte, b'/' | b'?') {
            in_authority = false;
        } else if byte == b'/' && !in_query {
            in_authority = text == "/" || text.strip_suffix(":/").is_some_and(is_scheme);
        }
        in_query |= byte == b'?';
        let fits = match (byte, behind) {
            (b'%', [a, b, ..]) => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
            (b'%', _) => false,
            (b'[' | b']', _) => in_authority,
            (byte, _) => is_in_path(byte) || byte == b'?' || in_authority && byte.is_ascii(),
        };
        if fits {
            text.push(byte.into());
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Resolves a reference against its base URL (RFC 3986 section 5.2).
fn resolve(base: &WsUrl, reference: &str) -> Result<WsUrl, UrlError> {
    if has_scheme(reference) {
        return WsUrl::parse(reference);
    }
    if reference.starts_with("//") {
        return WsUrl::parse(&format!("{}:{reference}", base.scheme()));
    }
    let name = base.resource_name();
    let (base_path, _) = name.split_once('?').unwrap_or((name, ""));
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let folder = base_path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut resource = match path {
        "" if query.is_none() => name.into(),
        "" => base_path.into(),
        _ if path.starts_with('/') => without_dots(path),
        _ => without_dots(&format!("{folder}/{path}")),
    };
    if let Some(query) = query {
        resource.push('?');
        resource.push_str(query);
    }
    WsUrl::parse(&format!("{}://{}{resource}", base.scheme(), base.authority()))
}

fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Returns whether the text is a scheme (RFC 3986 section 3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Removes the segments `.` and `..` from a path that begins with a slash (RFC 3986 section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    let mut steps = path.split('/').skip(1).peekable();
    while let Some(step) = steps.next() {
        match step {
            ".." => drop(kept.pop()),
            "." => {}
            _ => kept.push(step),
        }
        if steps.peek().is_none() && matches!(step, "." | "..") {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}
