//! Ordinary HTTP: the request as the application sees it, and the response on the wire.

use wsproto::handshake::{Headers, Request, Response};

/// The reason phrases of RFC 9110 section 15, for every status that a WebSocket server might send.
const PHRASES: [(u16, &str); 24] = [
    (101, "Switching Protocols"),
    (200, "OK"),
    (204, "No Content"),
    (301, "Moved Permanently"),
    (302, "Found"),
    (303, "See Other"),
    (304, "Not Modified"),
    (307, "Temporary Redirect"),
    (308, "Permanent Redirect"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (408, "Request Timeout"),
    (413, "Content Too Large"),
    (414, "URI Too Long"),
    (426, "Upgrade Required"),
    (429, "Too Many Requests"),
    (431, "Request Header Fields Too Large"),
    (500, "Internal Server Error"),
    (501, "Not Implemented"),
    (503, "Service Unavailable"),
    (505, "HTTP Version Not Supported"),
];

/// Any other status needs no reason phrase.
#[test]
fn a_status_has_its_standard_reason_phrase() {
    for status in 100..600 {
        let phrase = PHRASES.iter().find(|(known, _)| *known == status).map_or("", |(_, p)| p);
        let mut out = Vec::new();
        Response::new(status).encode(&mut out);
        assert!(out.starts_with(format!("HTTP/1.1 {status} {phrase}\r\n").as_bytes()), "{status}");
    }
}

/// RFC 9110 sections 5.1 and 5.3: names are case-insensitive, and the values of one name keep their
/// order.
#[test]
fn headers_are_found_by_name() {
    let mut headers = Headers::new();
    assert!(headers.is_empty());
    for (name, value) in [("Accept", "a"), ("accept", "\t b "), ("Aether", ""), ("X", "c")] {
        headers.push(name, value).expect("a field");
    }
    assert!(!headers.is_empty());
    assert_eq!(headers.len(), 4);
    assert_eq!(headers.get("ACCEPT"), Some("a"));
    assert_eq!(headers.get_all("accepT").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(headers.get("aether"), Some(""));
    assert_eq!(headers.get("x"), Some("c"));
    assert_eq!(headers.get("y"), None);
    assert_eq!(headers.get(""), None);
    let all: [(&str, &[u8]); 4] =
        [("Accept", b"a"), ("accept", b"b"), ("Aether", b""), ("X", b"c")];
    assert_eq!(headers.iter().collect::<Vec<_>>(), all);
}

/// RFC 9112 section 3.2.2: for a target in absolute form, the host is that of the target.
#[test]
fn the_host_comes_from_the_target_or_the_header() {
    for (target, host) in [
        ("/chat", "header.example:81"),
        ("/chat?to=http://other.example/", "header.example:81"),
        ("http://target.example:82/chat", "target.example:82"),
        ("https://target.example?x", "target.example"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: header.example:81\r\n\r\n");
        let request = Request::parse(head.as_bytes()).expect("a request");
        assert_eq!(request.host(), host, "{target}");
    }
}
