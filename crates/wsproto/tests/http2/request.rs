//! Requests of HTTP/2: the mapping of RFC 8441 section 5, and what is refused.

use wsproto::handshake::{AllowedOrigins, RequestError, Response};

use crate::support::Parts;

/// R8441-4-1, R8441-5-1, R8441-5-3: permitted forms of the request.
#[test]
fn every_legal_form_is_accepted() {
    let good = Parts::connect;
    let cases = [
        ("as in the RFC", good()),
        ("without TLS", good().pseudo(|pseudo| pseudo.scheme = Some("http"))),
        ("the protocol in another case", good().pseudo(|p| p.protocol = Some("WebSocket"))),
        ("a port", good().pseudo(|pseudo| pseudo.authority = Some("h:8443"))),
        ("IPv6", good().pseudo(|pseudo| pseudo.authority = Some("[::1]:8443"))),
        ("the shortest path", good().pseudo(|pseudo| pseudo.path = Some("/"))),
        ("a query", good().pseudo(|pseudo| pseudo.path = Some("/chat?a=b&c=%20?/"))),
        ("the same host twice", good().with("host", "Server.Example.com")),
        ("only Host", good().pseudo(|pseudo| pseudo.authority = None).with("host", "h:1")),
        ("names in upper case", good().bare().with("SEC-WEBSOCKET-VERSION", "13")),
        ("a page's origin", good().with("origin", "https://example.com")),
        ("subprotocols", good().with("sec-websocket-protocol", "chat, superchat")),
        ("extensions", good().with("sec-websocket-extensions", "foo; a=\"b\", bar")),
        ("cookies", good().with("cookie", "a=1").with("cookie", "b=2")),
        // Section 5: the key is not processed, so it cannot be wrong.
        ("a key", good().with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")),
        ("no key at all", good().with("sec-websocket-key", "?").with("sec-websocket-key", "")),
        ("an answer to it", good().with("sec-websocket-accept", "?")),
        ("the trailers of gRPC", good().with("te", "trailers")),
    ];
    for (case, parts) in cases {
        let request = parts.request().unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(request.check_upgrade(), Ok(()), "{case}");
        assert!(request.is_upgrade() && request.is_extended_connect(), "{case}");
    }
}

/// R8441-4-2, R8441-5-1, R8441-5-2, R8441-5-3, R9220-3-1: everything else is refused, with the status
/// that HTTP/2 has for it.
#[test]
fn every_wrong_form_is_refused_with_its_status() {
    use RequestError as E;

    let good = Parts::connect;
    let protocol = |name| good().pseudo(|pseudo| pseudo.protocol = Some(name));
    let scheme = |scheme| good().pseudo(|pseudo| pseudo.scheme = scheme);
    let host = |host| good().pseudo(|pseudo| pseudo.authority = host);
    let path = |path| good().pseudo(|pseudo| pseudo.path = path);
    let field = |name, value| good().with(name, value);
    let version = |value| good().bare().with("sec-websocket-version", value);
    let cases = [
        ("a tunnel", Parts::ordinary("CONNECT"), E::Method, 405),
        (
            "a tunnel as RFC 9113 has it",
            Parts::ordinary("CONNECT").pseudo(|pseudo| {
                (pseudo.scheme, pseudo.path) = (None, None);
            }),
            E::Method,
            405,
        ),
        ("another protocol", protocol("connect-udp"), E::Protocol, 501),
        ("a protocol in a list", protocol("websocket, h2c"), E::Protocol, 501),
        ("no name of a protocol", protocol(""), E::Protocol, 501),
        ("a protocol for GET", good().pseudo(|p| p.method = "GET"), E::Malformed, 400),
        ("a protocol for connect", good().pseudo(|p| p.method = "connect"), E::Malformed, 400),
        ("no scheme", scheme(None), E::Target, 400),
        ("another scheme", scheme(Some("wss")), E::Target, 400),
        ("no path", path(None), E::Target, 400),
        ("an empty path", path(Some("")), E::Target, 400),
        ("an asterisk", path(Some("*")), E::Target, 400),
        ("a relative path", path(Some("chat")), E::Target, 400),
        ("an absolute URL", path(Some("https://server.example.com/chat")), E::Target, 400),
        ("a fragment", path(Some("/chat#a")), E::Target, 400),
        ("a space", path(Some("/chat room")), E::Target, 400),
        ("a path outside ASCII", path(Some("/caf\u{e9}")), E::Target, 400),
        ("no host", host(None), E::Host, 400),
        ("an empty host", host(Some("")), E::Host, 400),
        ("user information", host(Some("me@server.example.com")), E::Host, 400),
        ("two hosts", host(Some("a,b")), E::Host, 400),
        ("another Host", field("host", "other.example.com"), E::Host, 400),
        ("two Hosts", field("host", "server.example.com").with("host", "b"), E::Host, 400),
        ("two Hosts only", host(None).with("host", "a").with("host", "b"), E::Host, 400),
        ("Upgrade", field("upgrade", "websocket"), E::ConnectionSpecific("Upgrade"), 400),
        ("Connection", field("connection", "Upgrade"), E::ConnectionSpecific("Connection"), 400),
        ("Keep-Alive", field("keep-alive", ""), E::ConnectionSpecific("Keep-Alive"), 400),
        (
            "a chunked body",
            field("transfer-encoding", "chunked"),
            E::ConnectionSpecific("Transfer-Encoding"),
            400,
        ),
        (
            "Proxy-Connection",
            field("proxy-connection", "close"),
            E::ConnectionSpecific("Proxy-Connection"),
            400,
        ),
        ("a body", field("content-length", "5"), E::Body, 400),
        ("no version", good().bare(), E::InvalidVersion, 400),
        ("another version", version("8"), E::InvalidVersion, 400),
        ("no version at all", version("x"), E::InvalidVersion, 400),
        ("two versions", version("13").with("sec-websocket-version", "8"), E::InvalidVersion, 400),
        ("a wrong subprotocol", field("sec-websocket-protocol", "a b"), E::Subprotocol, 400),
        ("a wrong extension", field("sec-websocket-extensions", "a; =b"), E::Extensions, 400),
        ("a name outside ASCII", field("caf\u{e9}", ""), E::Malformed, 400),
        ("a line break", field("x", "a\r\nb: c"), E::Malformed, 400),
        ("an origin outside ASCII", field("origin", "\u{e9}"), E::NonAscii("Origin"), 400),
        ("an ordinary request", Parts::ordinary("GET"), E::NotConnect, 400),
        ("a method without a name", Parts::ordinary(""), E::Malformed, 400),
        ("a POST", Parts::ordinary("POST"), E::Method, 405),
    ];
    for (case, parts, error, status) in cases {
        assert_eq!(parts.refused(), Some(error), "{case}");
        let response = error.response();
        assert_eq!((error.status(), response.status()), (status, status), "{case}");
        assert!(!response.body_bytes().is_empty(), "{case}: the response gives the reason");
        // There is no 426 in HTTP/2, and no Upgrade.
        let names: Vec<_> = response.fields().map(|(name, _)| name).collect();
        assert!(!names.contains(&"Upgrade") && !names.contains(&"Connection"), "{case}: {names:?}");
    }
}

/// R6455-4.4-1, R8441-5-3: the response to another version names ours.
#[test]
fn another_version_is_told_ours() {
    let error = Parts::connect().bare().with("sec-websocket-version", "8").refused();
    let response = Response::from(error.expect("version 8"));
    assert_eq!(response.headers().get("Sec-WebSocket-Version"), Some("13"));
}

/// R8441-5-3: the application sees what it sees of a request of HTTP/1.
#[test]
fn the_application_sees_the_request() {
    let parts = Parts::connect()
        .pseudo(|pseudo| pseudo.path = Some("/chat%20room?name=J%C3%BCrgen+B"))
        .with("origin", "https://example.com")
        .with("sec-websocket-protocol", "one, two")
        .with("sec-websocket-extensions", "foo")
        .with("cookie", "secret=1");
    let request = parts.request().expect("a valid request");
    assert_eq!((request.method(), request.version_minor()), ("CONNECT", 0));
    assert_eq!(request.target(), "/chat%20room?name=J%C3%BCrgen+B");
    assert_eq!((request.path(), request.query()), ("/chat%20room", Some("name=J%C3%BCrgen+B")));
    let pairs: Vec<_> = request.query_pairs().collect();
    assert_eq!(pairs, [("name".into(), "Jürgen B".into())]);
    assert_eq!(request.host(), "server.example.com");
    assert_eq!(request.origin(), Some("https://example.com"));
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(
        request.extensions().map(|offer| offer.name().to_owned()).next(),
        Some("foo".into())
    );
    assert_eq!(request.headers().get("Cookie"), Some("secret=1"));
    let allowed = AllowedOrigins::new(["https://example.com"]).expect("an origin");
    assert!(allowed.allows(&request));
    // No secret is shown.
    let shown = format!("{request:?} {:?}", parts.pseudo);
    assert!(
        shown.contains("/chat%20room?..") && !shown.contains("secret=") && !shown.contains("name=")
    );
}

/// An ordinary request of HTTP/2 is one for the application, as in HTTP/1.
#[test]
fn an_ordinary_request_is_none_of_ours() {
    let request = Parts::ordinary("GET").with("host", "server.example.com").request();
    let request = request.expect("a valid request");
    assert!(!request.is_upgrade() && !request.is_extended_connect());
    assert_eq!((request.method(), request.path()), ("GET", "/chat"));
    assert_eq!(request.host(), "server.example.com");
    assert_eq!(Parts::connect().with("host", "x").request(), Err(RequestError::Host));
    let whole = Parts::ordinary("OPTIONS").pseudo(|pseudo| pseudo.path = Some("*"));
    assert_eq!(whole.request().expect("a valid request").path(), "*");
}
