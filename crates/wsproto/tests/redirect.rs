//! Where redirects lead, and what goes there.

use wsproto::handshake::{ClientRequest, Response};
use wsproto::url::WsUrl;

/// The examples of RFC 3986 sections 5.4.1 and 5.4.2, on a base of our own scheme.
#[test]
fn references_are_resolved_as_the_rfc_shows() {
    let base = ClientRequest::new(WsUrl::parse("ws://a/b/c/d;p?q").expect("a URL"));
    let resolve = |reference: &str| {
        let response = Response::new(307).header("Location", reference).expect("a header");
        base.redirected(&response).map(|next| next.url().to_string())
    };
    for (reference, expected) in [
        ("g", "ws://a/b/c/g"),
        ("./g", "ws://a/b/c/g"),
        ("g/", "ws://a/b/c/g/"),
        ("/g", "ws://a/g"),
        ("//g", "ws://g/"),
        ("?y", "ws://a/b/c/d;p?y"),
        ("g?y", "ws://a/b/c/g?y"),
        ("#s", "ws://a/b/c/d;p?q"),
        ("g#s", "ws://a/b/c/g"),
        (";x", "ws://a/b/c/;x"),
        ("", "ws://a/b/c/d;p?q"),
        (".", "ws://a/b/c/"),
        ("./", "ws://a/b/c/"),
        ("..", "ws://a/b/"),
        ("../", "ws://a/b/"),
        ("../g", "ws://a/b/g"),
        ("../..", "ws://a/"),
        ("../../g", "ws://a/g"),
        ("../../../g", "ws://a/g"),
        ("/./g", "ws://a/g"),
        ("/../g", "ws://a/g"),
        ("g.", "ws://a/b/c/g."),
        ("..g", "ws://a/b/c/..g"),
        ("./g/.", "ws://a/b/c/g/"),
        ("g/../h", "ws://a/b/c/h"),
        ("g;x=1/../y", "ws://a/b/c/y"),
        ("g?y/../x", "ws://a/b/c/g?y/../x"),
        // A colon does not make a scheme of what is none.
        ("g/x:y", "ws://a/b/c/g/x:y"),
        ("1g:y", "ws://a/b/c/1g:y"),
        ("wss://g:9/x", "wss://g:9/x"),
        ("https://g/x", "wss://g/x"),
    ] {
        assert_eq!(resolve(reference).as_deref(), Some(expected), "{reference}");
    }
    for reference in ["ftp://g/", "mailto:g", "//", "ws://g:0/", "a b"] {
        assert_eq!(resolve(reference), None, "{reference}");
    }
}

#[test]
fn headers_and_cookies_stay_within_their_origin() {
    let request = |url: &str| {
        ClientRequest::new(WsUrl::parse(url).expect("a URL"))
            .header("Authorization", "Basic eDp5")
            .and_then(|request| request.header("X-Api-Key", "z"))
            .and_then(|request| request.cookie("session", "1"))
            .and_then(|request| request.subprotocol("chat"))
            .expect("a request")
    };
    let follow = |from: &str, status: u16, to: &str| {
        let response = Response::new(status).header("Location", to).expect("a header");
        let next = request(from).redirected(&response)?;
        let mut out = Vec::new();
        next.encode([0; 16], &mut out);
        let head = String::from_utf8(out).expect("ASCII");
        assert!(head.contains("Sec-WebSocket-Protocol: chat\r\n"));
        let carried = ["Authorization", "X-Api-Key", "Cookie"].map(|name| head.contains(name));
        assert!(carried == [true; 3] || carried == [false; 3]);
        Some((format!("{}", next.url()), carried[0]))
    };

    for status in [301, 302, 303, 307, 308] {
        assert_eq!(follow("ws://a/b", status, "/c"), Some(("ws://a/c".into(), true)));
    }
    for status in [200, 300, 304, 305, 401] {
        assert_eq!(follow("ws://a/b", status, "/c"), None);
    }
    assert_eq!(follow("ws://a/b", 302, "http://A:80/c"), Some(("ws://a/c".into(), true)));
    for other in ["ws://b/", "ws://a:81/", "wss://a/", "ws://a.b/"] {
        assert_eq!(follow("ws://a/", 302, other), Some((other.into(), false)));
    }
    assert_eq!(follow("wss://a/", 302, "wss://a/c"), Some(("wss://a/c".into(), true)));
    assert_eq!(follow("wss://a/", 302, "ws://a/c"), None, "it would go on in clear text");
    assert_eq!(follow("ws://a/", 302, "ftp://a/"), None);

    let nowhere = Response::new(302);
    assert_eq!(request("ws://a/").redirected(&nowhere), None);
}
