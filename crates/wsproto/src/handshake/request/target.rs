//! Request targets and hosts (RFC 9112 sections 3.2 and 3.2.2).

use crate::url::is_authority;

/// Splits the path and query out of a target in origin form, or in absolute form with scheme and
/// host (RFC 9112 section 3.2).
pub(super) fn split_target(target: &str) -> Option<(&str, Option<&str>)> {
    let resource = if target.starts_with('/') {
        target
    } else {
        let (scheme, rest) = target.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        let (host, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if !is_authority(host) {
            return None;
        }
        resource
    };
    let (path, query) = match resource.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (resource, None),
    };
    Some((if path.is_empty() { "/" } else { path }, query))
}

/// Returns whether the value is a host, optionally with a port (RFC 9112 section 3.2); a comma
/// would look like two hosts.
pub(super) fn is_host(value: &str) -> bool {
    !value.bytes().any(|byte| byte == b',') && is_authority(value)
}
