//! The addresses that proxies append to the header fields of a request.

use std::net::{IpAddr, SocketAddr};
use std::str;

use wsproto::handshake::Headers;

/// The field in which proxies name the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Field {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "X-Forwarded-For",
            Self::Forwarded => "Forwarded",
        }
    }

    /// Parses an element of the field.
    fn address(self, element: &str) -> Option<SocketAddr> {
        match self {
            Self::XForwardedFor => parse_node(element),
            Self::Forwarded => parse_forwarded(element),
        }
    }
}

/// Returns the addresses that proxies have appended, the last one first, with port 0 if there is none; `None`
/// for an element without an address.
///
/// The fields are read from their end, so the client's part in front cannot change how the elements of
/// proxies are read, not even by a quotation mark that is never closed.
pub(super) fn hops(field: Field, headers: &Headers) -> impl Iterator<Item = Option<SocketAddr>> {
    let values: Vec<_> = headers.get_all_bytes(field.name()).collect();
    // A value that is not text has one element, which is no address.
    let texts = values.into_iter().rev().map(|value| str::from_utf8(value).unwrap_or("?"));
    texts.flat_map(elements_from_the_end).map(move |element| field.address(element))
}

/// Returns the elements of a list, the last one first, without empty ones. Commas within quoted strings
/// do not separate.
fn elements_from_the_end(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(list);
    let elements = std::iter::from_fn(move || {
        let text = rest?;
        let (left, element) = match last_comma(text) {
            Some(at) => (text.get(..at), text.get(at + 1..)),
            None => (None, Some(text)),
        };
        rest = left;
        element
    });
    elements.map(|element| element.trim_matches([' ', '\t'])).filter(|element| !element.is_empty())
}

/// Returns the position of the last comma outside of quoted strings, seen from the end of the text.
fn last_comma(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quoted = false;
    (0..bytes.len()).rev().find(|at| {
        match bytes[*at] {
            b'"' => quoted ^= !is_escaped(bytes, *at),
            b',' => return !quoted,
            _ => {}
        }
        false
    })
}

/// Returns whether an odd number of backslashes precedes a byte (RFC 9110 section 5.6.4).
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Parses an element of `Forwarded` (RFC 7239 section 4). Returns the address of its `for`, `None` if it has
/// none or is malformed.
fn parse_forwarded(element: &str) -> Option<SocketAddr> {
    let mut node = None;
    let mut rest = element;
    loop {
        let (name, value) = rest.split_once('=')?;
        let value_end = match value.strip_prefix('"') {
            Some(quoted) => {
                let bytes = quoted.as_bytes();
                let end =
                    (0..bytes.len()).find(|at| bytes[*at] == b'"' && !is_escaped(bytes, *at))?;
                end + 2
            }
            None => value.find(';').unwrap_or(value.len()),
        };
        let (value, left) = value.split_at_checked(value_end)?;
        if name.trim_matches([' ', '\t']).eq_ignore_ascii_case("for") {
            // Twice is malformed.
            let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            if node.replace(bare.unwrap_or(value)).is_some() {
                return None;
            }
        }
        match left.trim_start_matches([' ', '\t']).strip_prefix(';') {
            Some(next) => rest = next,
            None if left.trim_matches([' ', '\t']).is_empty() => break,
            None => return None,
        }
    }
    parse_node(node?.trim_matches([' ', '\t']))
}

/// Parses a node (RFC 7239 section 6): an address, in brackets if it is an IPv6 address with a port, and a
/// port. `X-Forwarded-For` has IPv6 addresses without brackets, too. Obfuscated ports count as 0.
fn parse_node(node: &str) -> Option<SocketAddr> {
    let address = |text: &str| text.parse::<IpAddr>().ok();
    if let Some(address) = address(node) {
        return Some((address, 0).into());
    }
    let (host, port) = match node.strip_prefix('[') {
        Some(bracketed) => {
            let (host, left) = bracketed.split_once(']')?;
            (address(host).filter(IpAddr::is_ipv6)?, left.strip_prefix(':'))
        }
        None => {
            let (host, port) = node.split_once(':')?;
            (address(host)?, Some(port))
        }
    };
    let port = match port {
        None if node.ends_with(']') => 0,
        Some(port) if port.len() > 1 && port.starts_with('_') => 0,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
        _ => return None,
    };
    Some((host, port).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(field: Field, values: &[&[u8]]) -> Vec<Option<String>> {
        let mut headers = Headers::new();
        for value in values {
            headers.push(field.name(), value).expect("a value");
        }
        hops(field, &headers).map(|hop| hop.map(|address| address.to_string())).collect()
    }

    #[test]
    fn x_forwarded_for_is_read_from_its_end() {
        // M6
        for (values, expected) in [
            (&["192.0.2.1"][..], &[Some("192.0.2.1:0")][..]),
            (&["10.0.0.1, 192.0.2.1:80 ,,"], &[Some("192.0.2.1:80"), Some("10.0.0.1:0")]),
            (
                &["a", "::1,[2001:db8::1],[::2]:443"],
                &[Some("[::2]:443"), Some("[2001:db8::1]:0"), Some("[::1]:0"), None],
            ),
            (
                &["unknown, _x, 1.2.3, 1.2.3.4:x, 1.2.3.4:, [1.2.3.4], [::1]80, \"1.2.3.4\""],
                &[None; 8],
            ),
            (&["\", 192.0.2.1"], &[Some("192.0.2.1:0"), None]),
            (&[""], &[]),
        ] {
            let values: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
            let named = named(Field::XForwardedFor, &values);
            assert_eq!(named.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
        }
        let values: [&[u8]; 2] = [b"192.0.2.1", b"\xFF, 192.0.2.2"];
        let named = named(Field::XForwardedFor, &values);
        assert_eq!(named, [None, Some("192.0.2.1:0".into())], "the value is opaque as a whole");
    }

    #[test]
    fn forwarded_is_read_from_its_end() {
        // M6: RFC 7239 sections 4 and 6.
        for (value, expected) in [
            ("for=192.0.2.43", &[Some("192.0.2.43:0")][..]),
            ("For=\"[2001:db8:cafe::17]:4711\"", &[Some("[2001:db8:cafe::17]:4711")]),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", &[Some("192.0.2.60:0")]),
            ("by=_b; FOR = 192.0.2.60 ; proto=\"a;b\"", &[Some("192.0.2.60:0")]),
            ("for=192.0.2.43, for=198.51.100.17", &[Some("198.51.100.17:0"), Some("192.0.2.43:0")]),
            ("for=\"192.0.2.1:_port\"", &[Some("192.0.2.1:0")]),
            ("for=_hidden, for=unknown, proto=http, for=\"_a:80\"", &[None; 4]),
            ("for=1.2.3.4;for=1.2.3.5, for=\"1.2.3.4\"x, for, =", &[None; 4]),
            // The client's part ends where the proxy's begins.
            ("for=\", for=192.0.2.1", &[Some("192.0.2.1:0"), None]),
            ("for=\"\\, for=192.0.2.1", &[Some("192.0.2.1:0"), None]),
            ("host=\"a, for=6.6.6.6\";for=192.0.2.1", &[Some("192.0.2.1:0")]),
            ("host=\"a\\\", for=6.6.6.6, x=\\\"\";for=192.0.2.1", &[Some("192.0.2.1:0")]),
            ("host=\"a\\\\\", for=192.0.2.1", &[Some("192.0.2.1:0"), None]),
            ("for=192.0.2.1;host=\"a, b", &[None, None]),
        ] {
            let named = named(Field::Forwarded, &[value.as_bytes()]);
            assert_eq!(named.iter().map(Option::as_deref).collect::<Vec<_>>(), expected, "{value}");
        }
    }

    #[test]
    fn nothing_in_front_hides_what_a_proxy_appends() {
        // M6: every text of up to five of the characters that matter.
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            let longer: Vec<_> = texts
                .iter()
                .flat_map(|text| "\"\\,;=a ".chars().map(move |last| format!("{text}{last}")))
                .collect();
            texts.extend(longer);
            texts.sort_unstable();
            texts.dedup();
        }
        for text in texts {
            for (field, appended, expected) in [
                (Field::XForwardedFor, "192.0.2.1", "192.0.2.1:0"),
                (Field::Forwarded, "for=192.0.2.1", "192.0.2.1:0"),
                (Field::Forwarded, "by=_b;for=\"[::1]:5\"", "[::1]:5"),
                (Field::Forwarded, "host=\"a\\\", b\";for=192.0.2.1", "192.0.2.1:0"),
            ] {
                let value = format!("{text}, {appended}");
                let named = named(field, &[value.as_bytes()]);
                assert_eq!(named[0].as_deref(), Some(expected), "{value}");
            }
        }
    }
}
