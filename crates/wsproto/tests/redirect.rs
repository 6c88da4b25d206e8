//! Redirects: their targets, and the header fields sent there.

use wsproto::handshake::{ClientRequest, RedirectError, Response};
use wsproto::url::{UrlError, WsUrl};

/// The examples of RFC 3986 sections 5.4.1 and 5.4.2, on a base with a WebSocket scheme.
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
        // A colon alone does not make a scheme.
        ("g/x:y", "ws://a/b/c/g/x:y"),
        ("1g:y", "ws://a/b/c/1g:y"),
        ("wss://g:9/x", "wss://g:9/x"),
        ("https://g/x", "wss://g/x"),
    ] {
        assert_eq!(resolve(reference).as_deref(), Ok(expected), "{reference}");
    }
    for (reference, why) in [
        ("ftp://g/", UrlError::Scheme),
        ("mailto:g", UrlError::Scheme),
        ("//", UrlError::Host(String::new())),
        ("ws://g:0/", UrlError::Port("0".into())),
        ("ws://u:p@g/", UrlError::UserInfo),
        ("ws://a|b/", UrlError::Host("a|b".into())),
        ("ws://b\u{fc}cher/", UrlError::Host("b%C3%BCcher".into())),
        ("ws://127.1/", UrlError::Host("127.1".into())),
    ] {
        assert_eq!(resolve(reference), Err(RedirectError::Url(why)), "{reference}");
    }
}

// H8: characters that browsers percent-encode (the URL standard), and others that RFC 3986 does not
// allow.
#[test]
fn a_location_is_encoded_as_browsers_do() {
    let base = ClientRequest::new(WsUrl::parse("ws://a/b/c?q").expect("a URL"));
    let cases: [(&[u8], &str); 28] = [
        (b"/x://[|]", "/x://%5B%7C%5D"),
        (b"x/y://|", "/b/x/y://%7C"),
        (b"\\\\a\\x|", "/x%7C"),
        (b"/x|y", "/x%7Cy"),
        (b"/{id}", "/%7Bid%7D"),
        (b"/a b", "/a%20b"),
        (b"  /a  ", "/a"),
        (b"/100%", "/100%25"),
        (b"/%", "/%25"),
        (b"/%4", "/%254"),
        (b"/%zz", "/%25zz"),
        (b"/%41%7c", "/%41%7c"),
        (b"/<\"`^>", "/%3C%22%60%5E%3E"),
        (b"/[1]", "/%5B1%5D"),
        ("/m\u{fc}nchen?\u{e9}".as_bytes(), "/m%C3%BCnchen?%C3%A9"),
        (b"/fran\xe7ois", "/fran%E7ois"),
        (b"/a\\b", "/a/b"),
        (b"/a?b\\c", "/a?b%5Cc"),
        (b"/a?x={y}|[z] %", "/a?x=%7By%7D%7C%5Bz%5D%20%25"),
        (b"/a?b?c", "/a?b?c"),
        (b"/a\tb", "/ab"),
        (b"?a|b", "/b/c?a%7Cb"),
        (b"{x}", "/b/%7Bx%7D"),
        (b"/a#b c|", "/a"),
        (b"ws://a/x|y", "/x%7Cy"),
        (b"//a/x|y", "/x%7Cy"),
        (b"//a?[x]", "/?%5Bx%5D"),
        (b"/x?to=http://[::1]/", "/x?to=http://%5B::1%5D/"),
    ];
    for (location, resource) in cases {
        let response = Response::new(302).header("Location", location).expect("a header");
        let next = base.redirected(&response);
        let shown = location.escape_ascii();
        let next = next.unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!(next.url().resource_name(), resource, "{shown}");
        assert_eq!(next.url().host(), "a", "{shown}");
    }
    let response = Response::new(302).header("Location", "ws://[::1]:8/[x]").expect("a header");
    let next = base.redirected(&response).expect("a redirect");
    assert_eq!(next.url().to_string(), "ws://[::1]:8/%5Bx%5D");
}

// H8
#[test]
fn a_redirect_that_is_not_followed_gives_the_reason() {
    let base = ClientRequest::new(WsUrl::parse("wss://a/b").expect("a URL"));
    let answer = |locations: &[&str]| {
        let mut response = Response::new(302);
        for location in locations {
            response = response.header("Location", location).expect("a header");
        }
        base.redirected(&response).expect_err("not followed")
    };
    for (locations, words) in [
        (&[][..], "the redirect has no single Location header"),
        (&["/a", "/b"], "the redirect has no single Location header"),
        (&["ws://a/b"], "the redirect leads from wss to ws"),
        (
            &["ftp://secret:pw@a/b"],
            "the Location header of the redirect is not a WebSocket URL: \
             a WebSocket URL begins with ws:// or wss://",
        ),
    ] {
        assert_eq!(answer(locations).to_string(), words);
    }
    let ordinary = base.redirected(&Response::new(403));
    assert_eq!(ordinary, Err(RedirectError::Status(403)));
    let source = core::error::Error::source(&answer(&["ftp://a/"])).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("a WebSocket URL begins with ws:// or wss://"));
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
        let next = request(from).redirected(&response).ok()?;
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
    assert_eq!(request("ws://a/").redirected(&nowhere), Err(RedirectError::Location));
}
