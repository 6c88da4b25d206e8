//! The client over HTTP/2: the request that it sends, and its check of the response.

use proptest::prelude::*;
use wsproto::handshake::{Accept, ClientRequest, Extension, Request, Response, ResponseError};
use wsproto::{Client, Config, Server, Session};
use wsproto_testing::SEED;

use crate::handshake_support::NOW;

fn to(url: &str) -> ClientRequest {
    ClientRequest::parse(url).expect("a URL")
}

/// R8441-4-1, R8441-5-1, R8441-5-2, R8441-5-3: the fields of the request, and no other.
#[test]
fn the_request_has_the_fields_of_the_rfc() {
    let config = Config::default();
    for (url, scheme, authority, path) in [
        ("ws://h/chat?x=1", "http", "h", "/chat?x=1"),
        ("wss://H.example:443", "https", "h.example", "/"),
        ("wss://h:80/", "https", "h:80", "/"),
        ("ws://[::1]:8080/a", "http", "[::1]:8080", "/a"),
    ] {
        let request = to(url).extended_connect(&config);
        let pseudo = request.pseudo_headers();
        assert_eq!((pseudo.method, pseudo.protocol), ("CONNECT", Some("websocket")));
        assert_eq!(pseudo.scheme, Some(scheme), "{url}");
        assert_eq!(pseudo.authority, Some(authority), "{url}");
        assert_eq!(pseudo.path, Some(path), "{url}");
        let fields: Vec<_> = request.headers().iter().collect();
        assert_eq!(fields, [("sec-websocket-version", &b"13"[..])], "{url}");
    }
    let request = to("wss://h/").subprotocol("v2").and_then(|to| to.subprotocol("v1"));
    let request = request.and_then(|to| to.origin("https://example.com"));
    let request = request.and_then(|to| to.extension(Extension::new("foo").expect("a token")));
    let request = request.and_then(|to| to.cookie("a", "1")).and_then(|to| to.cookie("b", "2"));
    let request = request.and_then(|to| to.header("X-Own", "x"));
    let request = request.and_then(|to| to.header("Keep-Alive", "timeout=5"));
    let request = request.and_then(|to| to.header("Proxy-Connection", "close"));
    let request = request.expect("legal").extended_connect(&config);
    let fields: Vec<_> = request.headers().iter().collect();
    assert_eq!(
        fields,
        [
            ("sec-websocket-version", &b"13"[..]),
            ("origin", b"https://example.com"),
            ("sec-websocket-protocol", b"v2, v1"),
            ("sec-websocket-extensions", b"foo"),
            ("cookie", b"a=1; b=2"),
            ("x-own", b"x"),
        ]
    );
    assert_eq!(request.request().url().host(), "h");
}

/// R8441-5-3: which responses open the connection.
#[test]
fn a_response_is_checked_as_in_http_1_but_for_the_key() {
    use ResponseError as E;

    let offer = to("wss://h/").subprotocol("chat").expect("a token");
    let offer = offer.extension(Extension::new("foo").expect("a token")).expect("not ours");
    let verify = |status, fields: &[(&str, &str)], config: &Config| {
        let response = Response::from_parts(status, fields.iter().copied(), [])?;
        offer.clone().extended_connect(config).verify(&response, config)
    };
    let lenient = Config::default();
    let mut strict = Config::default();
    strict.require_subprotocol = true;
    let mut any = lenient.clone();
    any.require_subprotocol = false;

    for status in [200, 201, 204, 299] {
        let agreed = verify(status, &[("sec-websocket-protocol", "chat")], &strict);
        assert_eq!(agreed.expect("valid").subprotocol.as_deref(), Some("chat"), "{status}");
    }
    let both = [("sec-websocket-protocol", "chat"), ("sec-websocket-extensions", "foo")];
    assert_eq!(verify(200, &both, &strict).expect("valid").extensions.len(), 1);
    // The key is not processed.
    let accept = [("sec-websocket-accept", "?"), ("sec-websocket-accept", "")];
    assert_eq!(verify(200, &accept, &any), Ok(Default::default()));

    for status in [100, 101, 199, 300, 301, 400, 403, 501] {
        assert_eq!(verify(status, &both, &any), Err(E::Status(status)));
    }
    for (name, value, error) in [
        ("upgrade", "websocket", E::ConnectionSpecific("Upgrade")),
        ("connection", "close", E::ConnectionSpecific("Connection")),
        ("sec-websocket-extensions", "a;;", E::MalformedExtension("a;;".into())),
        ("sec-websocket-protocol", "\u{e9}", E::NonAscii("Sec-WebSocket-Protocol")),
        ("x\u{e9}", "", E::Malformed),
        ("x", "a\nb", E::Malformed),
    ] {
        assert_eq!(verify(200, &[(name, value)], &any), Err(error), "{name}: {value}");
    }
    for (name, value) in [("sec-websocket-extensions", "bar"), ("sec-websocket-extensions", "")] {
        let error = verify(200, &[(name, value)], &any);
        assert!(matches!(error, Err(E::Extension(_))), "{name}: {value}");
    }
    for value in ["Chat", "other", "chat, chat", ""] {
        let error = verify(200, &[("sec-websocket-protocol", value)], &any);
        assert!(matches!(error, Err(E::Subprotocol(_))), "{value}");
    }
    let error = verify(200, &[], &strict).expect_err("a subprotocol is required");
    assert_eq!(error, E::NoSubprotocol(["chat".to_owned()].into()));
    assert_eq!(
        E::ConnectionSpecific("Upgrade").to_string(),
        "the header Upgrade does not exist in HTTP/2"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// R8441-5-1, R8441-5-3, R8441-5-4: whatever a client can send is valid, its server's answer opens
    /// both ends, and both agree on everything.
    #[test]
    fn both_ends_agree(
        secure in any::<bool>(),
        host in "[a-z0-9-]{1,9}\\.[a-z][a-z0-9-]{0,9}",
        port in 1..=u16::MAX,
        path in "(/([a-z0-9._~-]|%[0-9A-F]{2}){0,8}){0,3}",
        query in "([a-z0-9=&?/]{1,10})?",
        subprotocols in prop::collection::btree_set("[a-z0-9.!#~|^`_-]{1,8}", 0..4),
        fields in prop::collection::vec(("X-[a-zA-Z0-9]{1,8}", "[!-~]([ -~\t]{0,9}[!-~])?"), 0..4),
        chosen in any::<prop::sample::Index>(),
    ) {
        let scheme = if secure { "wss" } else { "ws" };
        let query = if query.is_empty() { query } else { format!("?{query}") };
        let mut offer = to(&format!("{scheme}://{host}:{port}{path}{query}"));
        for subprotocol in &subprotocols {
            offer = offer.subprotocol(subprotocol).unwrap();
        }
        for (name, value) in &fields {
            offer = offer.header(name, value).unwrap();
        }
        let config = Config::default();
        let sent = offer.extended_connect(&config);
        let request = Request::from_pseudo_headers(sent.pseudo_headers(), sent.headers().iter());
        let request = request.unwrap();
        prop_assert_eq!(request.check_upgrade(), Ok(()));
        let path = if path.is_empty() { "/" } else { &path };
        prop_assert_eq!(request.target(), format!("{path}{query}"));
        let default = if secure { 443 } else { 80 };
        let authority = if port == default { host } else { format!("{host}:{port}") };
        prop_assert_eq!(request.host(), authority);
        let offered: Vec<_> = request.subprotocols().map(str::to_owned).collect();
        prop_assert_eq!(&offered, &subprotocols.iter().cloned().collect::<Vec<_>>());
        for (name, value) in &fields {
            let values: Vec<_> = request.headers().get_all(name).collect();
            prop_assert!(values.contains(&value.as_str()), "{}", name);
        }

        let mut accept = Accept::new();
        if !offered.is_empty() {
            accept = accept.subprotocol(chosen.get(&offered));
        }
        let (answer, server_agreed) = accept.answer(&request, &config).unwrap();
        let answer = Response::from_parts(answer.status(), answer.fields(), []).unwrap();
        let client_agreed = sent.verify(&answer, &config).unwrap();
        prop_assert_eq!(&client_agreed, &server_agreed);
        let client = Session::opened(Client::from_seed(SEED), config.clone(), client_agreed, NOW);
        let server = Session::opened(Server, config, server_agreed, NOW);
        prop_assert_eq!(client.subprotocol(), server.subprotocol());
        prop_assert_eq!(client.subprotocol(), accept.selected_subprotocol());
    }
}
