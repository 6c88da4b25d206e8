//! The rules of `ws` and `wss` URLs (RFC 6455 section 3).

use proptest::prelude::*;
use wsproto::url::{UrlError, WsUrl};

/// A valid URL and its parts: secure, host, port, resource name, value of `Host`.
type Valid = (&'static str, bool, &'static str, u16, &'static str, &'static str);

const VALID: &[Valid] = &[
    // R6455-3-2: the scheme is case-insensitive.
    ("ws://h/", false, "h", 80, "/", "h"),
    ("WS://h/", false, "h", 80, "/", "h"),
    ("wss://h/", true, "h", 443, "/", "h"),
    ("wSs://h/", true, "h", 443, "/", "h"),
    ("http://h/", false, "h", 80, "/", "h"),
    ("HTTPS://h/", true, "h", 443, "/", "h"),
    // R6455-3-3: the port is optional; R6455-4.1-13: `Host` contains it unless it is the default.
    ("ws://h:80/", false, "h", 80, "/", "h"),
    ("ws://h:443/", false, "h", 443, "/", "h:443"),
    ("wss://h:443/", true, "h", 443, "/", "h"),
    ("wss://h:80/", true, "h", 80, "/", "h:80"),
    ("ws://h:1/", false, "h", 1, "/", "h:1"),
    ("ws://h:65535/", false, "h", 65535, "/", "h:65535"),
    ("ws://h:/", false, "h", 80, "/", "h"),
    ("wss://h:?x", true, "h", 443, "/?x", "h"),
    ("ws://h:0081/", false, "h", 81, "/", "h:81"),
    // R6455-3-4: the resource name.
    ("ws://h", false, "h", 80, "/", "h"),
    ("ws://h?x", false, "h", 80, "/?x", "h"),
    ("ws://h?", false, "h", 80, "/", "h"),
    ("ws://h/a?", false, "h", 80, "/a", "h"),
    ("ws://h/a?b=c", false, "h", 80, "/a?b=c", "h"),
    ("ws://h/a?b?c=/d", false, "h", 80, "/a?b?c=/d", "h"),
    ("ws://h/a//b/../c/./?q=%2e", false, "h", 80, "/a//b/../c/./?q=%2e", "h"),
    ("ws://h/A;b=1,2:@!$&'()*+-._~", false, "h", 80, "/A;b=1,2:@!$&'()*+-._~", "h"),
    // R6455-3-6: an encoded `#` stays encoded.
    ("ws://h/a%23b?c%23d", false, "h", 80, "/a%23b?c%23d", "h"),
    // R6455-3-7: non-ASCII characters outside the host are percent-encoded as UTF-8.
    ("ws://h/é?ü=€", false, "h", 80, "/%C3%A9?%C3%BC=%E2%82%AC", "h"),
    ("ws://h/\u{1F600}\u{80}", false, "h", 80, "/%F0%9F%98%80%C2%80", "h"),
    (
        "ws://xn--bcher-kva.example/",
        false,
        "xn--bcher-kva.example",
        80,
        "/",
        "xn--bcher-kva.example",
    ),
    // R6455-3-8: an IPv6 address has brackets in `Host`, and none in the address to connect to.
    ("ws://[::1]:9/", false, "::1", 9, "/", "[::1]:9"),
    ("ws://[::1]", false, "::1", 80, "/", "[::1]"),
    ("wss://[::1]:443/", true, "::1", 443, "/", "[::1]"),
    ("ws://[2001:DB8::A]:/x", false, "2001:db8::a", 80, "/x", "[2001:db8::a]"),
    ("ws://[::ffff:192.0.2.1]?q", false, "::ffff:192.0.2.1", 80, "/?q", "[::ffff:192.0.2.1]"),
    ("ws://192.0.2.1:8080/", false, "192.0.2.1", 8080, "/", "192.0.2.1:8080"),
    ("ws://EXAMPLE.Com./", false, "example.com.", 80, "/", "example.com."),
    ("ws://my_host-1~x/", false, "my_host-1~x", 80, "/", "my_host-1~x"),
    // R8307-1-1: well-known paths are paths.
    ("ws://h/.well-known/x", false, "h", 80, "/.well-known/x", "h"),
    // User information or a port is not recognised after the first slash.
    ("ws://h/u:p@i:99", false, "h", 80, "/u:p@i:99", "h"),
    ("ws://h?u@i", false, "h", 80, "/?u@i", "h"),
];

/// R6455-3-1, R6455-3-2, R6455-3-3, R6455-3-4, R6455-3-6, R6455-3-7, R6455-3-8, R8307-1-1
#[test]
fn a_valid_url_is_parsed() {
    for &(text, secure, host, port, resource_name, host_header) in VALID {
        let url = WsUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(url.is_secure(), secure, "{text}");
        assert_eq!(url.scheme(), if secure { "wss" } else { "ws" }, "{text}");
        assert_eq!(url.host(), host, "{text}");
        assert_eq!(url.port(), port, "{text}");
        assert_eq!(url.resource_name(), resource_name, "{text}");
        assert_eq!(url.host_header(), host_header, "{text}");
        assert_eq!(url.as_given(), text);
        assert_eq!(text.parse::<WsUrl>(), Ok(url), "{text}");
    }
}

#[test]
fn a_url_is_written_in_its_normal_form() {
    for (given, written) in [
        ("WS://Example.COM:80", "ws://example.com/"),
        ("https://h:8443?x", "wss://h:8443/?x"),
        ("http://[::AB]:80/a?", "ws://[::ab]/a"),
        ("ws://h/é", "ws://h/%C3%A9"),
    ] {
        assert_eq!(WsUrl::parse(given).map(|url| url.to_string()), Ok(written.to_owned()));
    }
}

fn host(text: &str) -> UrlError {
    UrlError::Host(text.to_owned())
}

fn port(text: &str) -> UrlError {
    UrlError::Port(text.to_owned())
}

/// R6455-3-1, R6455-3-5, R6455-3-7, R6455-3-8, R6455-4.1-2, A52: an invalid URL is an error before
/// any connection is attempted, and the error names the invalid part.
#[test]
fn an_invalid_url_is_refused() {
    let cases = [
        // R6455-3-1: another scheme, or none.
        ("", UrlError::Scheme),
        ("ws", UrlError::Scheme),
        ("ws:", UrlError::Scheme),
        ("ws:/h/", UrlError::Scheme),
        ("ws:h", UrlError::Scheme),
        ("//h/", UrlError::Scheme),
        ("/chat", UrlError::Scheme),
        ("h/chat", UrlError::Scheme),
        ("mailto:a@example.com", UrlError::Scheme),
        ("ftp://h/", UrlError::Scheme),
        ("wsss://h/", UrlError::Scheme),
        ("about:blank", UrlError::Scheme),
        (" ws://h/", UrlError::Scheme),
        ("w\ts://h/", UrlError::Scheme),
        // R6455-3-1: a missing or invalid host.
        ("ws://", host("")),
        ("ws:///chat", host("")),
        ("ws://?x", host("")),
        ("ws://:80/", host("")),
        ("ws://a b/", host("a b")),
        ("ws:// h/", host(" h")),
        ("ws://a\tb/", host("a\tb")),
        ("ws://a\r\nb/", host("a\r\nb")),
        ("ws://a\0b/", host("a\0b")),
        ("ws://a\\b/", host("a\\b")),
        ("ws://a%41/", host("a%41")),
        ("ws://a<b/", host("a<b")),
        ("ws://a:b:80/", host("a:b")),
        // R6455-3-7: an international name must be given in punycode.
        ("ws://bücher.example/", host("bücher.example")),
        // R6455-3-8: addresses of IPv6.
        ("ws://::1/", host(":")),
        ("ws://[::1/", host("[::1")),
        ("ws://[]/", host("[]")),
        ("ws://[::1]x/", host("[::1]x")),
        ("ws://[::g]/", host("[::g]")),
        ("ws://[192.0.2.1]/", host("[192.0.2.1]")),
        ("ws://[::1%25eth0]/", host("[::1%25eth0]")),
        ("ws://[fe80::1%25]/", host("[fe80::1%25]")),
        ("ws://[fe80::1%eth/0]/", host("[fe80::1%eth")),
        ("ws://[fe80::1%eth%30]/", host("[fe80::1%eth%30]")),
        ("ws://fe80%25eth0/", host("fe80%25eth0")),
        ("ws://x[::1]/", host("x[::1]")),
        // R6455-3-3: ports.
        ("ws://h:0/", port("0")),
        ("ws://h:65536/", port("65536")),
        ("ws://h:99999999999999999999/", port("99999999999999999999")),
        ("ws://h:+80/", port("+80")),
        ("ws://h:-1/", port("-1")),
        ("ws://h:8o/", port("8o")),
        ("ws://h: 80/", port(" 80")),
        ("ws://h:80 /", port("80 ")),
        ("ws://h:٣/", port("٣")),
        ("ws://[::1]:x/", port("x")),
        // R6455-3-5: fragments, including the empty one.
        ("ws://h/#", UrlError::Fragment),
        ("ws://h/a#b", UrlError::Fragment),
        ("ws://h#", UrlError::Fragment),
        ("ws://h?x#y", UrlError::Fragment),
        // R6455-3-8: user information.
        ("ws://u:p@h/", UrlError::UserInfo),
        ("ws://u@h/", UrlError::UserInfo),
        ("ws://@h/", UrlError::UserInfo),
        ("ws://h:80@evil/", UrlError::UserInfo),
        // R6455-3-1, A52: characters that would break the request line.
        ("ws://h/a b", UrlError::Character(' ')),
        ("ws://h/?a b", UrlError::Character(' ')),
        ("ws://h/a\rb", UrlError::Character('\r')),
        ("ws://h/a\nb", UrlError::Character('\n')),
        ("ws://h/?a\r\nX: y", UrlError::Character('\r')),
        ("ws://h/a\0", UrlError::Character('\0')),
        ("ws://h/a\u{7f}", UrlError::Character('\u{7f}')),
        ("ws://h/\"", UrlError::Character('"')),
        ("ws://h/<a>", UrlError::Character('<')),
        ("ws://h/a\\b", UrlError::Character('\\')),
        ("ws://h/{a}", UrlError::Character('{')),
        ("ws://h/?a[]=1", UrlError::Character('[')),
        ("ws://h/a^b|c`", UrlError::Character('^')),
        // A `%` that does not begin an encoded character.
        ("ws://h/%", UrlError::Character('%')),
        ("ws://h/%4", UrlError::Character('%')),
        ("ws://h/%zz", UrlError::Character('%')),
        ("ws://h/%4é", UrlError::Character('%')),
        ("ws://h/?q=100%", UrlError::Character('%')),
    ];
    for (text, error) in cases {
        assert_eq!(WsUrl::parse(text), Err(error), "{text:?}");
    }
}

/// R6455-3-1: only the two schemes of the RFC are accepted.
#[test]
fn the_schemes_of_http_can_be_refused() {
    for text in ["http://h/", "https://h/", "HTTP://h/", "ftp://h/"] {
        assert_eq!(WsUrl::parse_ws(text), Err(UrlError::Scheme), "{text}");
    }
    for text in ["ws://h/", "WSS://h/"] {
        assert_eq!(WsUrl::parse_ws(text), WsUrl::parse(text), "{text}");
        assert!(WsUrl::parse_ws(text).is_ok());
    }
}

/// A host that no resolver could look up is an error in the URL, and the error gives the reason;
/// browsers validate IPv4 addresses in the same way (the URL standard's host parser).
// T4
#[test]
fn a_host_is_a_name_or_an_address() {
    let label = "x".repeat(63);
    let name = [&*label, &label, &label, &"y".repeat(61)].join(".");
    assert_eq!(name.len(), 253);
    for (given, host) in [
        (label.as_str(), label.as_str()),
        (&name, &name),
        (&format!("{name}."), &format!("{name}.")),
        ("localhost.", "localhost."),
        ("a.b.", "a.b."),
        ("my_host", "my_host"),
        ("-a-.b", "-a-.b"),
        ("1.2.3.4.example", "1.2.3.4.example"),
        ("1x", "1x"),
        ("0xfg", "0xfg"),
        ("1.2.3.+4", "1.2.3.+4"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("255.255.255.255", "255.255.255.255"),
        ("127.0.0.1.", "127.0.0.1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
    ] {
        for port in ["", ":8080"] {
            let url = WsUrl::parse(&format!("wss://{given}{port}/"));
            assert_eq!(url.as_ref().map(WsUrl::host), Ok(host), "{given}");
        }
    }

    let address = "; an IPv4 address has four numbers from 0 to 255, without leading zeros";
    let empty = ": a label is empty";
    let long_label = "x".repeat(64);
    for (given, why) in [
        ("a..b", empty),
        (".a", empty),
        (".", empty),
        ("..", empty),
        ("a..", empty),
        (".a.b", empty),
        (&*long_label, ": a label has at most 63 bytes"),
        (&format!("a.{long_label}.b"), ": a label has at most 63 bytes"),
        (&format!("{name}z"), ": a name has at most 253 bytes"),
        (&format!("{name}z."), ": a name has at most 253 bytes"),
        ("127.1", address),
        ("1", address),
        ("2130706433", address),
        ("1.2.3", address),
        ("1.2.3.4.5", address),
        ("1.2.3.256", address),
        ("1.2.3.04", address),
        ("01.2.3.4", address),
        ("0x7f.1", address),
        ("0x7f.0.0.1", address),
        ("0x7f000001", address),
        ("0X7F", address),
        ("0x", address),
        ("a.1", address),
        ("a.0xff", address),
        ("a..1", address),
        ("99999999999999999999", address),
        ("", ": it is empty"),
        ("b\u{fc}cher.example", "; names outside ASCII are written in punycode"),
        ("a b", ""),
        ("[::1", ""),
    ] {
        let error = WsUrl::parse(&format!("ws://{given}/"));
        assert_eq!(error, Err(host(given)));
        assert_eq!(host(given).to_string(), format!("`{given}` is not a host{why}"));
    }
}

fn any_host() -> impl Strategy<Value = String> {
    prop_oneof![
        "([a-zA-Z0-9_~!$&'()*+,;=-]{1,20}\\.){0,3}[a-zA-Z_~!$&'()*+,;=-][a-zA-Z0-9]{0,20}\\.?",
        any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
    ]
}

fn any_resource() -> impl Strategy<Value = String> {
    let part = "([a-zA-Z0-9._~!$&'()*+,;=:@/é€-]|%[0-9a-fA-F]{2}){0,20}";
    let query = proptest::option::of("([a-z0-9=&/?é-]|%[0-9a-fA-F]{2}){0,20}");
    (proptest::option::of(part), query).prop_map(|(path, query)| {
        let path = path.map_or_else(String::new, |path| format!("/{path}"));
        path + &query.map_or_else(String::new, |query| format!("?{query}"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// R6455-3-1, R6455-3-4
    #[test]
    fn a_written_url_is_read_as_the_same(
        scheme in "(ws|wss|WS|Wss|http|https)",
        host in any_host(),
        port in proptest::option::of(1..=u16::MAX),
        resource in any_resource(),
    ) {
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let url = WsUrl::parse(&format!("{scheme}://{host}{port}{resource}")).unwrap();
        let written = url.to_string();
        let again = WsUrl::parse_ws(&written).unwrap();
        prop_assert_eq!(again.to_string(), written.clone());
        prop_assert_eq!(again.as_given(), written);
        prop_assert_eq!(again.is_secure(), url.is_secure());
        prop_assert_eq!(again.host(), url.host());
        prop_assert_eq!(again.port(), url.port());
        prop_assert_eq!(again.resource_name(), url.resource_name());
        prop_assert_eq!(again.host_header(), url.host_header());
    }

    /// R6455-3-7, A52: an accepted URL is safe in a request.
    #[test]
    fn no_text_makes_an_unsafe_request(
        text in "(ws://|wss://|)(\\PC|[\r\n\t\0 @#?/:%\\[\\]]){0,30}",
    ) {
        if let Ok(url) = WsUrl::parse(&text) {
            for part in [url.host(), url.resource_name(), &url.host_header(), &url.to_string()] {
                prop_assert!(part.bytes().all(|byte| byte.is_ascii_graphic()), "{part:?}");
                prop_assert!(!part.is_empty() && !part.contains('#'), "{part:?}");
            }
            prop_assert!(url.resource_name().starts_with('/'));
            prop_assert!(!url.host_header().contains(['@', '/', '?']));
            prop_assert!(url.port() > 0);
        }
    }
}

#[test]
fn a_zone_is_for_connecting_only() {
    // M10: RFC 6874
    for (text, zone) in [
        ("ws://[fe80::1%25eth0]:9001/x?y", Some("eth0")),
        ("ws://[FE80::1%eth0]:9001/x?y", Some("eth0")),
        ("ws://[fe80::1%252]:9001/x?y", Some("2")),
        ("ws://[fe80::1]:9001/x?y", None),
    ] {
        let url = WsUrl::parse(text).expect(text);
        assert_eq!((url.host(), url.zone(), url.port()), ("fe80::1", zone, 9001), "{text}");
        assert_eq!(url.host_header(), "[fe80::1]:9001");
        assert_eq!(WsUrl::parse(&url.to_string()).as_ref(), Ok(&url), "{url}");
    }
    let (a, b) = ("ws://[fe80::1%25a]/", "ws://[fe80::1%25b]/");
    assert_ne!(WsUrl::parse(a), WsUrl::parse(b));
    assert_eq!(WsUrl::parse(a).expect("a URL").to_string(), a);
}
