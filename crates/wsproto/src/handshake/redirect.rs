//! Where a response sends a client instead (RFC 9110 sections 10.2.2 and 15.4).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{ClientRequest, Response};
use crate::url::{UrlError, WsUrl};

impl ClientRequest {
    /// Returns the request to make instead of this one, to which a server has answered with a
    /// redirect; `None` if it has not, or if it is one not to follow: to no WebSocket URL, or from
    /// `wss` to `ws`.
    ///
    /// To another origin, which has another host, port or scheme, goes none of the header fields
    /// and cookies that were added: they may be credentials.
    #[must_use]
    pub fn redirected(&self, response: &Response) -> Option<Self> {
        if !matches!(response.status(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let url = resolve(self.url(), response.headers().only("Location")?).ok()?;
        if self.url().is_secure() && !url.is_secure() {
            return None;
        }
        let origin = |url: &WsUrl| (url.is_secure(), String::from(url.host()), url.port());
        let same_origin = origin(&url) == origin(self.url());
        Some(self.towards(url, same_origin))
    }
}

/// Resolves a reference against the URL it was found behind (RFC 3986 section 5.2). A fragment is for
/// browsers, and dropped.
fn resolve(base: &WsUrl, reference: &str) -> Result<WsUrl, UrlError> {
    let reference = reference.split('#').next().unwrap_or(reference);
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
    let folder = base_path.rfind('/').map_or("/", |slash| &base_path[..=slash]);
    let mut resource = match path {
        "" if query.is_none() => name.into(),
        "" => base_path.into(),
        _ if path.starts_with('/') => without_dots(path),
        _ => without_dots(&format!("{folder}{path}")),
    };
    if let Some(query) = query {
        resource.push('?');
        resource.push_str(query);
    }
    WsUrl::parse(&format!("{}://{}{resource}", base.scheme(), base.host_header()))
}

/// RFC 3986 section 3.1.
fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    })
}

/// Follows the steps `.` and `..` of a path that begins with a slash (RFC 3986 section 5.2.4).
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
