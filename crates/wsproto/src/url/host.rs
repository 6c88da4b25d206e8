//! Hosts and ports (RFC 3986 sections 3.2.2 and 3.2.3).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::{UrlError, is_sub_delim, is_unreserved};

/// Splits off the port, but not the end of an IPv6 address in brackets.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    let colon = authority.bytes().rposition(|byte| byte == b':');
    let Some((host, port)) = colon.and_then(|at| authority.split_at_checked(at)) else {
        return (authority, None);
    };
    match !port.contains(']') && (host.ends_with(']') || !host.starts_with('[')) {
        true => (host, port.get(1..)),
        false => (authority, None),
    }
}

pub(crate) fn parse_port(port: Option<&str>) -> Result<Option<u16>, UrlError> {
    match port {
        // RFC 3986 section 3.2.3 allows a colon without a number: the default port.
        None | Some("") => Ok(None),
        Some(digits) => match digits.parse() {
            Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(port)),
            _ => Err(UrlError::Port(digits.into())),
        },
    }
}

/// Splits the zone off a link-local IPv6 address in brackets (RFC 6874 section 2). Any other host
/// is returned unchanged; if it contains a percent sign, it is refused later.
pub(super) fn split_zone(host: &str) -> (Cow<'_, str>, Option<Box<str>>) {
    let within = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let Some((address, zone)) = within.and_then(|text| text.split_once('%')) else {
        return (host.into(), None);
    };
    // A lone percent sign, as people copy it from other tools.
    let zone = zone.strip_prefix("25").unwrap_or(zone);
    let link_local =
        address.parse::<Ipv6Addr>().is_ok_and(|address| address.segments()[0] & 0xFFC0 == 0xFE80);
    if !link_local || zone.is_empty() || !zone.bytes().all(is_unreserved) {
        return (host.into(), None);
    }
    (format!("[{address}]").into(), Some(zone.into()))
}

/// Parses a host, in lower case; an IPv6 address without its brackets.
pub(crate) fn parse_host(host: &str) -> Result<String, UrlError> {
    let bare = check_host(host).ok_or_else(|| UrlError::Host(host.into()))?;
    Ok(bare.to_ascii_lowercase())
}

/// Checks a host; returns it without the brackets of an IPv6 address.
fn check_host(host: &str) -> Option<&str> {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']')?;
        return address.parse::<Ipv6Addr>().is_ok().then_some(address);
    }
    let fits = !host.is_empty() && host.bytes().all(|b| is_unreserved(b) || is_sub_delim(b));
    fits.then_some(host)
}

/// The maximum length in bytes of a label and of a name (RFC 1035 section 2.3.4; as text, without
/// the root's dot).
const MAX_LABEL_LEN: usize = 63;
const MAX_NAME_LEN: usize = 253;

/// Checks the host to connect to: an IP address, or a name that is valid in the DNS. Returns it without
/// the brackets of an IPv6 address, and an IPv4 address without the root's dot.
///
/// # Errors
///
/// [`UrlError::Host`] for any other host.
pub(super) fn check_name(host: &str) -> Result<&str, UrlError> {
    checked_name(host).ok_or_else(|| UrlError::Host(host.into()))
}

fn checked_name(host: &str) -> Option<&str> {
    let name = check_host(host)?;
    if host.starts_with('[') {
        return Some(name);
    }
    let bare = name.strip_suffix('.').unwrap_or(name);
    if ends_in_number(bare) {
        return bare.parse::<Ipv4Addr>().is_ok().then_some(bare);
    }
    let fits = |label: &[u8]| (1..=MAX_LABEL_LEN).contains(&label.len());
    let labels = bare.as_bytes().split(|byte| *byte == b'.').all(fits);
    (bare.len() <= MAX_NAME_LEN && labels).then_some(name)
}

/// Returns whether the last label is a number, which makes the host an IPv4 address in some
/// notation (the URL standard's "ends in a number").
fn ends_in_number(name: &str) -> bool {
    let last = name.as_bytes().rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    match last {
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        _ => !last.is_empty() && last.iter().all(u8::is_ascii_digit),
    }
}

/// Returns an explanation of an invalid host, empty if the error is obvious.
pub(super) fn host_hint(host: &str) -> &'static str {
    let bare = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() {
        ": it is empty"
    } else if host.starts_with('[') && host.contains('%') {
        "; only a link-local address (fe80::/10) has a zone, of letters, digits and -._~"
    } else if !host.is_ascii() {
        "; names outside ASCII are written in punycode"
    } else if host.contains(['[', ':']) || check_host(host).is_none() {
        ""
    } else if ends_in_number(bare) {
        "; an IPv4 address has four numbers from 0 to 255, without leading zeros"
    } else if bare.split('.').any(str::is_empty) {
        ": a label is empty"
    } else if bare.len() > MAX_NAME_LEN {
        ": a name has at most 253 bytes"
    } else {
        ": a label has at most 63 bytes"
    }
}

/// Returns whether `text` is a host, optionally with a port.
pub(crate) fn is_authority(text: &str) -> bool {
    let (host, port) = split_port(text);
    check_host(host).is_some() && parse_port(port).is_ok()
}
